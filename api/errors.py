"""Errors as clients read them: RFC 9457 problem documents, and the registry's own shape."""

import logging
import uuid
from http import HTTPStatus
from typing import Any

from clickhouse_connect.driver.exceptions import OperationalError as ClickHouseUnreachable
from litestar import Request, Response
from litestar.exceptions import HTTPException
from sqlalchemy.exc import OperationalError as StoreUnreachable
from sqlalchemy.exc import TimeoutError as StoreBusy

from api.registry import MEDIA_TYPE, RegistryError

log = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
REQUEST_ID = "X-Request-Id"
MORE_HEADERS = "more_headers"
"""Where a request's state holds headers that its answer gets, whatever it will be."""
REGISTRY_PATHS = ("/schemas", "/subjects", "/config", "/mode")
UNEXPECTED = "The request failed; the log of the API has the reason under this request_id."


UNREACHABLE = (ClickHouseUnreachable, StoreUnreachable, StoreBusy)
UNAVAILABLE = "What this needs does not answer now: GET /health/ready names it. Ask again."


class ProblemError(HTTPException):
    """A problem with a code of its own, and more members of its document, such as `field`."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail, status_code=status, headers=headers)
        self.code = code
        self.more = more


def request_id_of(request: Request[Any, Any, Any]) -> str:
    """The id that a client gave its request, or one of our own: the same for a whole request."""
    given = request.headers.get(REQUEST_ID)
    if "request_id" not in request.scope["state"]:
        request.scope["state"]["request_id"] = given or str(uuid.uuid4())
    return str(request.scope["state"]["request_id"])


def said(error: HTTPException) -> str:
    """What is wrong, with the fields that are where the framework found it."""
    extra: Any = error.extra
    fields = [f"{f.get('key', 'body')}: {f['message']}" for f in extra or () if "message" in f]
    return "; ".join([error.detail, *fields])


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The answer to a request that failed, whatever raised."""
    if isinstance(error, UNREACHABLE):
        log.warning("request %s: %s: %s", request_id_of(request), request.url.path, error)
        error = ProblemError(503, "unavailable", UNAVAILABLE, {"Retry-After": "1"})
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = said(error) if isinstance(error, HTTPException) else UNEXPECTED
    request_id = request_id_of(request)
    if not isinstance(error, HTTPException):
        log.error("request %s: %s", request_id, request.url.path, exc_info=error)
    headers = getattr(error, "headers", None) or {}
    if isinstance(error, RegistryError) or request.url.path.startswith(REGISTRY_PATHS):
        error_code = error.error_code if isinstance(error, RegistryError) else status
        body = {"error_code": error_code, "message": detail}
        return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": HTTPStatus(status).name.lower(),
        "request_id": request_id,
    }
    if isinstance(error, ProblemError):
        body |= {"code": error.code} | error.more
    return Response(body, status_code=status, media_type=PROBLEM_TYPE, headers=headers)
