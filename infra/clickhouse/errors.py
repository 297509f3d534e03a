"""Errors as ClickHouse's HTTP interface reports them: code, message, symbolic name, HTTP status."""

import re

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
READONLY = 164
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_IS_LOCKED = 373
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

# The statuses a server gives; every code that is not named here is a 500.
HTTP_STATUS_BY_CODE = {
    194: 401,  # REQUIRED_PASSWORD
    **dict.fromkeys((192, 193, 497, 512, AUTHENTICATION_FAILED), 403),
    **dict.fromkeys((6, 8, 15, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 69, 72, 117), 400),
    **dict.fromkeys((166, 167, 168, 223, 224, 376, 427, 441, 675, 676), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 106, 115, 336, 511), 404),
    159: 408,  # TIMEOUT_EXCEEDED
    381: 411,  # HTTP_LENGTH_REQUIRED
    307: 413,  # QUERY_IS_TOO_LARGE
    NOT_IMPLEMENTED: 501,
    **dict.fromkeys((76, 209, 439), 503),
}

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_VERSION = re.compile(r" ?\(version [^)]*\)\.?\s*$")


class ClickHouseError(Exception):
    """A refusal of the engine or of this server, with ClickHouse's code and symbolic name."""

    def __init__(self, code: int, message: str, name: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.name = name

    @property
    def http_status(self) -> int:
        """The HTTP status that a server gives for this code."""
        return HTTP_STATUS_BY_CODE.get(self.code, 500)

    def text(self, version: str) -> str:
        """The line that a client sees, ended by the engine's version as a server does it."""
        body = self.message if self.message.endswith(f"({self.name})") else ""
        body = body or f"{self.message} ({self.name})"
        return f"Code: {self.code}. DB::Exception: {body} (version {version} (official build))\n"


def from_engine(error: BaseException) -> ClickHouseError:
    """Read code, message and name out of what chDB raised; unknown shapes become code 1002."""
    text = _VERSION.sub("", str(error).strip())
    found = _CODE.search(text)
    if found is None:
        return ClickHouseError(UNKNOWN_EXCEPTION, text or repr(error), "UNKNOWN_EXCEPTION")
    message = text[found.end() :]
    name = re.search(r"\(([A-Z][A-Z0-9_]+)\)\s*$", message)
    return ClickHouseError(int(found[1]), message.strip(), name[1] if name else "UNKNOWN_EXCEPTION")
