"""Tokens of people: JWTs that an OIDC issuer signed (RFC 7519, RFC 8725)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import jwt

from api.access.caller import PERSON, SUBJECT, SUBJECT_CHARS_MAX, Caller
from api.access.roles import Role
from api.access.signing_keys import ALGORITHMS, SigningKeys

LEEWAY_S = 30
"""How far the issuer's clock may differ from ours."""
TOKEN_CHARS_MAX = 16_384
REQUIRED = ["exp", "iss", "aud", "sub"]


class TokenRefusedError(Exception):
    """A token that opens nothing; the message says why."""


class NoRoleError(Exception):
    """A good token of somebody who has no role here; the message says what is missing."""


@dataclass(frozen=True)
class Issuer:
    """Who signs tokens, for whom, and what their claims mean here."""

    url: str
    """Exactly as `iss` says it."""
    audience: str
    role_claim: str = "role"
    """The claim that says the role: a text, or a list of texts of which one is a role."""
    expert_claim: str = "expert_id"
    roles: Mapping[str, Role] = field(default_factory=lambda: {str(role): role for role in Role})
    """From what the claim says to the role."""


class Tokens:
    """Who holds a token. What is accepted: RS256 or ES256, in force, from and for whom it says."""

    def __init__(self, issuer: Issuer, keys: SigningKeys) -> None:
        self._issuer, self._keys = issuer, keys

    def caller(self, token: str) -> Caller:
        """Whose token this is. May block while the issuer's keys are fetched.

        Raises `TokenRefusedError`, `NoRoleError`, or `IssuerDownError` where its keys are unknown.
        """
        claims = self._claims(token)
        subject = str(claims["sub"])
        if not SUBJECT.fullmatch(subject):
            raise TokenRefusedError(
                f"The token's sub is not 1 to {SUBJECT_CHARS_MAX} printable characters."
            )
        role = self._role(claims)
        expert_id = claims.get(self._issuer.expert_claim) if role is Role.expert else ""
        if not isinstance(expert_id, str) or (role is Role.expert and not expert_id):
            raise NoRoleError(f"The token's {self._issuer.expert_claim} names no expert.")
        return Caller(f"{PERSON}{subject}", role, expert_id)

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_CHARS_MAX:
            raise TokenRefusedError(f"The token has more than {TOKEN_CHARS_MAX} characters.")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise TokenRefusedError(f"A token is signed by {' or '.join(ALGORITHMS)}.")
            key = self._keys.key(str(header.get("kid")))
            if key is None or key.algorithm_name != header["alg"]:
                raise TokenRefusedError("The token is not signed by a key of the issuer.")
            return jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._issuer.audience,
                issuer=self._issuer.url,
                leeway=LEEWAY_S,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise TokenRefusedError(f"The token is refused: {error}.") from None

    def _role(self, claims: dict[str, Any]) -> Role:
        name = self._issuer.role_claim
        said: Any = claims.get(name, [])
        values = cast("list[Any]", said) if isinstance(said, list) else [said]
        roles = self._issuer.roles
        known = {roles[one] for one in values if isinstance(one, str) and one in roles}
        if len(known) != 1:
            found = ", ".join(sorted(known)) or "none"
            raise NoRoleError(
                f"The token's {name} must name one role that is known; it is {found}."
            )
        return known.pop()
