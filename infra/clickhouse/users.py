"""The two accounts of the local ClickHouse and how a request says who it is."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from infra.clickhouse.errors import AUTHENTICATION_FAILED, ClickHouseError


@dataclass(frozen=True)
class User:
    """An account; a read-only one can neither write nor reach files or addresses."""

    name: str
    password: str
    read_only: bool


def _refusal(message: str) -> ClickHouseError:
    return ClickHouseError(AUTHENTICATION_FAILED, message, "AUTHENTICATION_FAILED")


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _refusal(
            f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported"
        )
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _refusal("Invalid authentication: the Basic credentials are not base64") from error
    name, _, password = decoded.partition(":")
    return name, password


def credentials(headers: Mapping[str, str], params: Mapping[str, str]) -> tuple[str, str]:
    """Name and password from headers, Basic or the URL; mixing them is refused as a server does."""
    by_header = "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers
    by_basic = "Authorization" in headers
    by_url = "user" in params or "password" in params
    if by_header + by_basic + by_url > 1:
        raise _refusal(
            "Invalid authentication: it is not allowed to use several ways of it at once"
        )
    if by_header:
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    if by_basic:
        return _basic(headers["Authorization"])
    return params.get("user", "default"), params.get("password", "")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def authenticate(
    users: Mapping[str, User], headers: Mapping[str, str], params: Mapping[str, str]
) -> User:
    """The account a request names. Raises code 516 without telling whether the name exists."""
    name, password = credentials(headers, params)
    user = users.get(name)
    expected = user.password if user else ""
    matches = hmac.compare_digest(_bytes(password), _bytes(expected))
    if user is None or not matches:
        raise _refusal(
            f"{name}: Authentication failed: password is incorrect, "
            "or there is no user with such name."
        )
    return user
