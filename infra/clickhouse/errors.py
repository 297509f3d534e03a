"""Errors as ClickHouse's HTTP interface reports them: code, message, symbolic name, HTTP status."""

import re

BAD_ARGUMENTS = 36
UNKNOWN_FUNCTION = 46
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_FORMAT = 73
UNKNOWN_TYPE_OF_QUERY = 78
UNKNOWN_COMPRESSION_METHOD = 89
UNKNOWN_SETTING = 115
TIMEOUT_EXCEEDED = 159
READONLY = 164
QUERY_IS_TOO_LARGE = 307
ABORTED = 236
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
INVALID_SESSION_TIMEOUT = 374
TOO_MANY_ROWS_OR_BYTES = 396
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

# The statuses a server gives; every code that is not named here is a 500.
HTTP_STATUS_BY_CODE = {
    194: 401,  # REQUIRED_PASSWORD
    **dict.fromkeys((192, 193, 497, 512, AUTHENTICATION_FAILED), 403),
    **dict.fromkeys((6, 8, 15, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 69, 72, 117), 400),
    **dict.fromkeys((166, 167, 168, 223, 224, 376, 427, 441, 675, 676), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 106, 115, 336, 511), 404),
    TIMEOUT_EXCEEDED: 408,
    381: 411,  # HTTP_LENGTH_REQUIRED
    QUERY_IS_TOO_LARGE: 413,
    NOT_IMPLEMENTED: 501,
    **dict.fromkeys((76, 209, 439), 503),
}

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)$")
_VERSION = re.compile(r" ?\(version [^)]*\)\.?$")


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
        ending = f"({self.name})"
        body = self.message if self.message.endswith(ending) else f"{self.message} {ending}"
        return f"Code: {self.code}. DB::Exception: {body} (version {version} (official build))\n"


def from_engine(error: BaseException, added: str = "") -> ClickHouseError:
    """Read code, message and name out of what chDB raised; unknown shapes become code 1002.

    `added` is text that this server put into the query: the client never wrote it, so it is taken
    out of the message. An error that wraps itself ("Code: 73 ... Code: 73 ...") is told once.
    """
    text = str(error).strip()
    if added:
        text = text.replace(added, "").replace(added.strip(), "")
    found = _CODE.search(text)
    if found is None:
        return ClickHouseError(UNKNOWN_EXCEPTION, text or repr(error), "UNKNOWN_EXCEPTION")
    code, message, name = found[1], text[found.end() :], ""
    while True:
        inner = _CODE.match(message)
        if inner is not None and inner[1] == code:
            message = message[inner.end() :]
            continue
        shorter = _VERSION.sub("", message).rstrip()
        named = _NAME.search(shorter)
        if named is not None and name in ("", named[1]):
            name, shorter = named[1], shorter[: named.start()].rstrip()
        if shorter == message:
            break
        message = shorter
    name = name or "UNKNOWN_EXCEPTION"
    return ClickHouseError(int(code), f"{message} ({name})", name)
