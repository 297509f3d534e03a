"""The guard before every route: who calls, and whether they may."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from api.access.keys import Caller, KeyRefusedError, Keys
from api.access.roles import PERMITTED, Permission
from schemas.message import now_us

ASKED_FOR = {"WWW-Authenticate": "Bearer"}
PERMISSION = "permission"
"""The option of a route that names what it asks for: `@get(..., permission=Permission.…)`."""


def allow(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a caller pass whose key is good and whose role has the route's permission.

    Raises 401 where there is no good key, 403 where the role may not. Every route below `/v1` names
    its permission; one that does not is closed to all.
    """
    scheme, _, key = connection.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise NotAuthorizedException(
            "Send an API key: Authorization: Bearer wl_… (workledger keys create makes one).",
            headers=ASKED_FOR,
        )
    keys: Keys = connection.app.state.api_keys
    try:
        caller = keys.caller(key.strip(), now_us())
    except KeyRefusedError as refused:
        raise NotAuthorizedException(str(refused), headers=ASKED_FOR) from None
    permission: Permission | None = handler.opt.get(PERMISSION)
    if permission is None or permission not in PERMITTED[caller.role]:
        raise PermissionDeniedException(f"The role {caller.role} may not use {permission}.")
    connection.scope["state"]["caller"] = caller


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Who the guard let pass."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller
