"""One event's bytes, walked strictly by their schema: what lenient readers let pass is named."""

from typing import Any

from schemas.avsc import branch_of, kind_of
from schemas.catalogue import Version
from schemas.wire import HEADER_BYTES

LONG_BYTES_MAX = 10


class _UnsoundError(Exception):
    pass


def unsound(version: Version, value: bytes) -> str:
    """What is wrong with the bytes of an event, in a sentence; empty where they are sound."""
    walk = _Walk(value, HEADER_BYTES)
    try:
        for field in version.flat["fields"]:
            walk.over(field["type"], field["name"])
    except _UnsoundError as error:
        return str(error)
    behind = len(value) - walk.at
    return f"{behind} bytes stand behind it" if behind else ""


class _Walk:
    """A place in the bytes that moves on, value by value."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def over(self, declared: Any, path: str) -> None:
        """Move behind a value of a type. Raises where none stands here."""
        inner, is_optional = branch_of(declared)
        if is_optional:
            branch = self.long(path)
            if branch not in (0, 1):
                raise _UnsoundError(f"{path} has the branch {branch} of a union that has two")
            if branch == 0:
                return
        match kind_of(inner):
            case "long":
                self.long(path)
            case "enum":
                if not 0 <= self.long(path) < len(inner["symbols"]):
                    raise _UnsoundError(f"{path} is none of the symbols that its enum has")
            case "boolean":
                if self.take(1, path) not in (b"\0", b"\1"):
                    raise _UnsoundError(f"{path} is neither true nor false")
            case "double":
                self.take(8, path)
            case "fixed":
                self.take(inner["size"], path)
            case "array":
                self.items(inner["items"], path)
            case "record":
                for field in inner["fields"]:
                    self.over(field["type"], f"{path}.{field['name']}")
            case kind:
                self.text(path, is_text=kind == "string")

    def items(self, declared: Any, path: str) -> None:
        """Move behind a list, which is written in blocks and ends with an empty one."""
        while count := self.long(path):
            if count < 0:
                self.long(path)  # the block's size in bytes, for readers that skip it
            if abs(count) > len(self.data):
                raise _UnsoundError(f"{path} has more items than there are bytes")
            for _ in range(abs(count)):
                self.over(declared, f"{path}[]")

    def text(self, path: str, *, is_text: bool) -> None:
        """Move behind text or bytes, which begin with their length."""
        taken = self.take(self.long(path), path)
        if is_text:
            try:
                taken.decode()
            except UnicodeDecodeError:
                raise _UnsoundError(f"{path} is not UTF-8") from None

    def take(self, size: int, path: str) -> bytes:
        """The next bytes."""
        taken = self.data[self.at : self.at + size] if size >= 0 else b""
        if len(taken) != size:
            raise _UnsoundError(f"{path} does not end before the value does")
        self.at += size
        return taken

    def long(self, path: str) -> int:
        """The next number."""
        number = 0
        for place in range(LONG_BYTES_MAX):
            byte = self.take(1, path)[0]
            number |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if number >> 64:
                    raise _UnsoundError(f"{path} has more than 64 bits")
                return (number >> 1) ^ -(number & 1)
        raise _UnsoundError(f"{path} has more than 64 bits")
