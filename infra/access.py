"""Whose tokens the API takes, as the settings say."""

from __future__ import annotations

from api.access.roles import Role
from api.access.signing_keys import SigningKeys
from api.access.tokens import Issuer, Tokens
from infra.settings import Settings


def tokens(settings: Settings) -> Tokens | None:
    """What judges the issuer's tokens; none where no issuer is set."""
    if settings.oidc_issuer is None:
        return None
    issuer = Issuer(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.oidc_role_claim,
        settings.oidc_expert_claim,
        _roles(settings.oidc_roles),
    )
    return Tokens(issuer, SigningKeys(settings.oidc_issuer, settings.oidc_jwks_url))


def _roles(mapping: str | None) -> dict[str, Role]:
    if mapping is None:
        return {str(role): role for role in Role}
    pairs = (one.strip().rpartition("=") for one in mapping.split(","))
    return {claimed: Role(role) for claimed, _, role in pairs}
