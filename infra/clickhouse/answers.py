"""Answers on the wire: whole or streamed, compressed or plain, and an error in mid-stream."""

import asyncio
import secrets
import string
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from infra.clickhouse.compression import Compressor, compressor, negotiate
from infra.clickhouse.engine import Counts
from infra.clickhouse.errors import TOO_MANY_ROWS_OR_BYTES, ClickHouseError
from infra.clickhouse.pipes import AnswerPipe
from infra.clickhouse.summary import content_type, summary_header

# An answer that fits is sent in one go with a full summary; an error before it is a plain error.
WHOLE_BYTES_MAX = 1 << 20
SPOOL_MEMORY_BYTES = 64 << 20
SPOOL_BYTES_MAX = 16 << 30
SEND_TIMEOUT_S = 300.0
SERVER_NAME = "workledger"
_INLINE_COMPRESS_BYTES = 1 << 16
_TAG_LETTERS = string.ascii_lowercase


@dataclass
class Answer:
    """What goes back for one request, in ClickHouse's headers and forms."""

    request: web.Request
    query_id: str
    version: str
    timezone: str
    started_s: float
    may_compress: bool = True
    begun: web.StreamResponse | None = None

    def headers(self) -> dict[str, str]:
        """The headers that every answer has."""
        return {
            "X-ClickHouse-Server-Display-Name": SERVER_NAME,
            "X-ClickHouse-Query-Id": self.query_id,
            "X-ClickHouse-Timezone": self.timezone,
        }

    def refusal(self, error: ClickHouseError) -> web.Response:
        """An error before any part of the answer was sent."""
        headers = self.headers() | {"X-ClickHouse-Exception-Code": str(error.code)}
        return web.Response(
            status=error.http_status, text=error.text(self.version), headers=headers
        )

    def _result_headers(self, counts: Counts, output_format: str | None) -> dict[str, str]:
        elapsed_ns = int((time.perf_counter() - self.started_s) * 1e9)
        headers = self.headers() | {"X-ClickHouse-Summary": summary_header(counts, elapsed_ns)}
        if output_format is not None:
            headers["X-ClickHouse-Format"] = output_format
            headers["Content-Type"] = content_type(output_format)
        return headers

    def _encoding(self) -> str | None:
        if not self.may_compress:
            return None
        return negotiate(self.request.headers.get("Accept-Encoding", ""))

    async def whole(self, body: bytes, counts: Counts, output_format: str | None) -> web.Response:
        """An answer that is known to its end; `output_format` is None if there are no rows."""
        headers = self._result_headers(counts, output_format)
        encoding = self._encoding() if output_format is not None else None
        if encoding is not None:
            headers["Content-Encoding"] = encoding
            body = await _packed(compressor(encoding), body, last=True)
        return web.Response(status=200, body=body, headers=headers)

    async def rows(
        self,
        pipe: AnswerPipe,
        work: "asyncio.Future[None]",
        counts: Counts,
        output_format: str,
        whole: bool,
    ) -> web.StreamResponse:
        """The rows that the engine writes into the pipe while `work` runs.

        If `whole`, the client asked to hear of an error before the first row (wait_end_of_query):
        the answer is kept in a temporary file meanwhile. Raises what the query raises, as long as
        nothing was sent.
        """
        gathered: list[bytes] = []
        size = 0
        while size < WHOLE_BYTES_MAX:
            chunk = await pipe.read()
            if not chunk:
                await work
                counts.result_bytes = size
                return await self.whole(b"".join(gathered), counts, output_format)
            gathered.append(chunk)
            size += len(chunk)
        if not whole:
            return await self._stream(_chunks(gathered, pipe), work, counts, output_format)
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES) as spool:
            size = 0
            async for chunk in _chunks(gathered, pipe):
                size += len(chunk)
                if size > SPOOL_BYTES_MAX:
                    raise ClickHouseError(
                        TOO_MANY_ROWS_OR_BYTES,
                        f"The answer is larger than {SPOOL_BYTES_MAX} bytes: "
                        "do not wait for its end",
                        "TOO_MANY_ROWS_OR_BYTES",
                    )
                await asyncio.to_thread(spool.write, chunk)
            await work
            counts.result_bytes = size
            spool.seek(0)
            return await self._stream(_reads(spool), work, counts, output_format)

    async def _stream(
        self,
        chunks: AsyncIterator[bytes],
        work: "asyncio.Future[None]",
        counts: Counts,
        output_format: str,
    ) -> web.StreamResponse:
        tag = "".join(secrets.choice(_TAG_LETTERS) for _ in range(16))
        headers = self._result_headers(counts, output_format)
        headers["X-ClickHouse-Exception-Tag"] = tag
        encoding = self._encoding()
        pack: Compressor | None = None
        if encoding is not None:
            headers["Content-Encoding"] = encoding
            pack = compressor(encoding)
        response = web.StreamResponse(status=200, headers=headers)
        await response.prepare(self.request)
        self.begun = response
        async for chunk in chunks:
            await _send(response, await _packed(pack, chunk))
        try:
            await work
        except ClickHouseError as error:
            block = _exception_block(error.text(self.version), tag)
            await _send(response, await _packed(pack, block, last=True))
            self.break_off()
            return response
        await _send(response, await _packed(pack, b"", last=True))
        await response.write_eof()
        return response

    def break_off(self) -> None:
        """Close without the last chunk, so a client notices whatever it makes of the body."""
        if self.request.transport is not None:
            self.request.transport.close()


def _exception_block(text: str, tag: str) -> bytes:
    """The error as a server appends it to a body whose status it can no longer change."""
    message = text.encode()
    length = str(len(message)).encode()
    mark, name = b"__exception__\r\n", tag.encode()
    return b"\r\n" + mark + name + b"\r\n" + message + length + b" " + name + b"\r\n" + mark


async def _send(response: web.StreamResponse, data: bytes) -> None:
    if data:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await response.write(data)


async def _packed(pack: Compressor | None, data: bytes, last: bool = False) -> bytes:
    if pack is None:
        return data
    if len(data) <= _INLINE_COMPRESS_BYTES:
        return pack.compress(data) + pack.flush() if last else pack.compress(data)
    packed = await asyncio.to_thread(pack.compress, data)
    return packed + pack.flush() if last else packed


async def _chunks(gathered: list[bytes], pipe: AnswerPipe) -> AsyncIterator[bytes]:
    for chunk in gathered:
        yield chunk
    gathered.clear()
    while chunk := await pipe.read():
        yield chunk


async def _reads(spool: "tempfile.SpooledTemporaryFile[bytes]") -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(spool.read, WHOLE_BYTES_MAX):
        yield chunk
