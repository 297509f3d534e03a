"""The guard before every route: who calls, and whether they may."""

from typing import Any

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from api.access.caller import Caller
from api.access.keys import PREFIX, KeyRefusedError, Keys
from api.access.limits import Allowance, Buckets, Limits, counted_as
from api.access.roles import OF_PEOPLE, PERMITTED, Permission
from api.access.signing_keys import IssuerDownError
from api.access.tokens import NoRoleError, TokenRefusedError, Tokens
from api.errors import MORE_HEADERS, ProblemError
from schemas.message import now_us

ASKED_FOR = {"WWW-Authenticate": "Bearer"}
ASK = (
    "Send Authorization: Bearer and an API key (workledger keys create makes one), or a token of "
    "the issuer, where one is set."
)
CALL_AS_A_PERSON = (
    "People decide on money: call with your own token, or with a key made by "
    "`workledger keys create --person`."
)
PERMISSION = "permission"
"""The option of a route that names what it asks for: `@get(..., permission=Permission.…)`."""


async def allow(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a caller pass whose key or token is good and whose role has the route's permission.

    Raises 401 where neither is good, 403 where the role may not or a program does what people do,
    429 where a caller, or an address with bad keys, asks too often, 503 where the issuer's keys are
    not known. Every route below
    `/v1` names its permission; one that does not is closed to all.
    """
    limits: Limits = connection.app.state.limits
    address = counted_as(connection.client.host if connection.client else "")
    try:
        caller = await sync_to_thread(_caller, connection)
    except NotAuthorizedException:
        # Behind one address there may be many people: a good key passes whatever others come with.
        _refuse_too_many(limits.failures, "failures", limits.failures.take(address))
        raise
    allowance = limits.requests.take(caller.identity)
    connection.scope["state"][MORE_HEADERS] = limits.requests.headers("caller", allowance)
    _refuse_too_many(limits.requests, "caller", allowance)
    permission: Permission | None = handler.opt.get(PERMISSION)
    if permission is None or permission not in PERMITTED[caller.role]:
        raise PermissionDeniedException(f"The role {caller.role} may not use {permission}.")
    if permission in OF_PEOPLE and not caller.is_person:
        raise ProblemError(403, "person_needed", CALL_AS_A_PERSON)
    connection.scope["state"]["caller"] = caller


def _refuse_too_many(buckets: Buckets, policy: str, allowance: Allowance) -> None:
    if allowance.wait_s:
        headers = buckets.headers(policy, allowance)
        detail = f"Too many requests; come again in {headers['Retry-After']} s."
        raise ProblemError(429, "too_many_requests", detail, headers)


def _caller(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    scheme, _, credential = connection.headers.get("Authorization", "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise NotAuthorizedException(ASK, headers=ASKED_FOR)
    keys: Keys = connection.app.state.api_keys
    tokens: Tokens | None = connection.app.state.tokens
    try:
        if tokens is None or credential.startswith(f"{PREFIX}_"):
            return keys.caller(credential, now_us())
        return tokens.caller(credential)
    except (KeyRefusedError, TokenRefusedError) as refused:
        raise NotAuthorizedException(str(refused), headers=ASKED_FOR) from None
    except NoRoleError as refused:
        raise PermissionDeniedException(str(refused)) from None
    except IssuerDownError as down:
        raise ProblemError(503, "issuer_unavailable", str(down), {"Retry-After": "10"}) from None


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Who the guard let pass."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller
