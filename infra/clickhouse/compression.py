"""Compressed bodies, both ways, piece by piece; a body may hold many frames one after another."""

import zlib
from typing import Protocol

import cramjam
import lz4.frame
import zstandard

from infra.clickhouse.errors import (
    BAD_ARGUMENTS,
    UNKNOWN_COMPRESSION_METHOD,
    ClickHouseError,
)

# The fastest first: the client and this server are mostly on one machine.
OUTPUT_ENCODINGS = ("lz4", "zstd", "gzip", "deflate", "br")
_ZLIB_LEVEL = 3
_ZSTD_LEVEL = 1
_BROTLI_LEVEL = 3
_GZIP_WBITS, _ZLIB_WBITS = 31, 15
_BROKEN = (RuntimeError, zlib.error, zstandard.ZstdError, EOFError)


class Decompressor(Protocol):
    """Turns compressed pieces into plain ones."""

    def feed(self, piece: bytes) -> bytes:
        """Plain bytes that this piece completes; raises code 36 on broken data."""
        ...

    def finish(self) -> None:
        """Raises code 36 if the body ended within a frame."""
        ...


def _broken(encoding: str, reason: str) -> ClickHouseError:
    return ClickHouseError(
        BAD_ARGUMENTS, f"Cannot decompress the {encoding} request body: {reason}", "BAD_ARGUMENTS"
    )


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
        return zlib.decompressobj(_GZIP_WBITS if self._encoding == "gzip" else _ZLIB_WBITS)

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
            raise _broken(self._encoding, str(error)) from error
        return plain[0] if len(plain) == 1 else b"".join(plain)

    def finish(self) -> None:
        if self._inside:
            raise _broken(self._encoding, "the body ended within a frame")


def decompressor(encoding: str) -> Decompressor:
    """The decompressor for a Content-Encoding; raises code 89 for one that is not known.

    Brotli is for answers only: its library takes a body as a whole, however large it unpacks.
    """
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
        self._head = self._frame.begin()

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        return head + self._frame.compress(data)

    def flush(self) -> bytes:
        head, self._head = self._head, b""
        return head + self._frame.flush()


class _BrotliOut:
    def __init__(self) -> None:
        self._stream = cramjam.brotli.Compressor(level=_BROTLI_LEVEL)

    def compress(self, data: bytes, /) -> bytes:
        self._stream.compress(data)
        return bytes(self._stream.flush())

    def flush(self) -> bytes:
        return bytes(self._stream.finish())


def negotiate(accept_encoding: str) -> str | None:
    """The encoding to answer with, or None for plain: the fastest that the client takes."""
    taken: set[str] = set()
    for part in accept_encoding.split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            taken.add(name.strip().lower())
    return next((name for name in OUTPUT_ENCODINGS if name in taken), None)


def compressor(encoding: str) -> Compressor:
    """A compressor for one response, of an encoding that `negotiate` chose."""
    if encoding == "lz4":
        return _Lz4()
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
    if encoding == "br":
        return _BrotliOut()
    wbits = _GZIP_WBITS if encoding == "gzip" else _ZLIB_WBITS
    return zlib.compressobj(_ZLIB_LEVEL, zlib.DEFLATED, wbits)
