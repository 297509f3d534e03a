"""Compressed bodies, both ways, piece by piece; a body may hold many frames one after another."""

import zlib
from typing import Protocol

import lz4.frame
import zstandard

from infra.clickhouse.errors import BAD_ARGUMENTS, ClickHouseError

UNKNOWN_COMPRESSION_METHOD = 89
_OUTPUT_PREFERENCE = ("lz4", "zstd", "gzip", "deflate")
_BROKEN = (RuntimeError, zlib.error, zstandard.ZstdError, EOFError)


class Decompressor(Protocol):
    """Turns compressed pieces into plain ones."""

    def feed(self, piece: bytes) -> bytes:
        """Plain bytes that this piece completes; raises code 36 on broken data."""
        ...

    def finish(self) -> None:
        """Raises code 36 if the body ended within a frame."""
        ...


class _Plain:
    def feed(self, piece: bytes) -> bytes:
        return piece

    def finish(self) -> None:
        return


class _Frames:
    """Decompresses frame after frame: a one-shot decoder would stop, silently, after the first."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._frame = self._new()
        self._inside = False

    def _new(self):
        if self._encoding == "lz4":
            return lz4.frame.LZ4FrameDecompressor()
        if self._encoding == "zstd":
            return zstandard.ZstdDecompressor().decompressobj()
        return zlib.decompressobj(31 if self._encoding == "gzip" else 15)

    def feed(self, piece: bytes) -> bytes:
        plain: list[bytes] = []
        try:
            while piece:
                self._inside = True
                plain.append(self._frame.decompress(piece))
                if not self._frame.eof:
                    break
                piece = bytes(self._frame.unused_data or b"")
                self._frame, self._inside = self._new(), False
        except _BROKEN as error:
            raise _bad_body(self._encoding, str(error)) from error
        return plain[0] if len(plain) == 1 else b"".join(plain)

    def finish(self) -> None:
        if self._inside:
            raise _bad_body(self._encoding, "the body ended within a frame")


def _bad_body(encoding: str, reason: str) -> ClickHouseError:
    return ClickHouseError(
        BAD_ARGUMENTS, f"Cannot decompress the {encoding} request body: {reason}", "BAD_ARGUMENTS"
    )


def decompressor(encoding: str) -> Decompressor:
    """The decompressor for a Content-Encoding; raises for one that is not known."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _Plain()
    if name in ("lz4", "zstd", "gzip", "deflate"):
        return _Frames(name)
    raise ClickHouseError(
        UNKNOWN_COMPRESSION_METHOD,
        f"Unknown compression method {encoding}",
        "UNKNOWN_COMPRESSION_METHOD",
    )


class Compressor(Protocol):
    """Turns plain pieces into one compressed stream."""

    def compress(self, data: bytes, /) -> bytes:
        """Compressed bytes, perhaps none yet."""
        ...

    def flush(self) -> bytes:
        """The end of the stream."""
        ...


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes, /) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        self._begun = True
        return head + self._frame.compress(data)

    def flush(self) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        return head + self._frame.flush()


def negotiate(accept_encoding: str) -> str | None:
    """The encoding to answer with, or None for plain: the fastest that the client takes."""
    taken = {part.split(";")[0].strip().lower() for part in accept_encoding.split(",")}
    return next((name for name in _OUTPUT_PREFERENCE if name in taken), None)


def compressor(encoding: str) -> Compressor:
    """A compressor for one response."""
    if encoding == "lz4":
        return _Lz4()
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=1).compressobj()
    return zlib.compressobj(1, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
