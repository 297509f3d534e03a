"""A pipe through which the engine writes an answer and the server reads it, both at their pace."""

import asyncio
import fcntl
import os
from contextlib import suppress

READ_BYTES = 1 << 20
PIPE_BYTES = 1 << 18
_F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", None)


def _widen(descriptor: int) -> None:
    """Make a pipe hold more. The kernel may refuse to a user who holds many: it is only slower."""
    if _F_SETPIPE_SZ is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, _F_SETPIPE_SZ, PIPE_BYTES)


async def _until_ready(descriptor: int, writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    if writing:
        loop.add_writer(descriptor, wake)
    else:
        loop.add_reader(descriptor, wake)
    try:
        await ready
    finally:
        if writing:
            loop.remove_writer(descriptor)
        else:
            loop.remove_reader(descriptor)


class AnswerPipe:
    """The engine writes to `write_path`; `read` gives what came. A slow reader slows the query."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        _widen(self._write_end)

    @property
    def write_path(self) -> str:
        """The file name under which this process finds the writing end."""
        return f"/dev/fd/{self._write_end}"

    def write(self, data: bytes) -> None:
        """Write in the engine's stead; blocks until all of it is read, or nobody reads on."""
        view = memoryview(data)
        with suppress(BrokenPipeError):
            while view:
                view = view[os.write(self._write_end, view) :]

    @property
    def is_read(self) -> bool:
        """Whether somebody still wants what is written."""
        return self._read_end >= 0

    def close_write_end(self) -> None:
        """No more will be written here; the reader comes to the end when the engine is done."""
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1

    async def read(self) -> bytes:
        """The next bytes, or nothing at the end."""
        while True:
            try:
                return os.read(self._read_end, READ_BYTES)
            except BlockingIOError:
                await _until_ready(self._read_end, writing=False)

    def close_read_end(self) -> None:
        """Read no further: what is still written is thrown away."""
        if self._read_end >= 0:
            os.close(self._read_end)
            self._read_end = -1


class DataPipe:
    """A pipe through which the server hands the data of an insert to a query of the engine."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        _widen(self._write_end)

    @property
    def read_path(self) -> str:
        """The file name under which this process finds the reading end."""
        return f"/dev/fd/{self._read_end}"

    async def write(self, data: bytes) -> bool:
        """Write all of it. False if the query has ended and reads no more."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._write_end, view) :]
            except BlockingIOError:
                await _until_ready(self._write_end, writing=True)
            except BrokenPipeError:
                return False
        return True

    def close_write_end(self) -> None:
        """The data is complete."""
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1

    def close_read_end(self) -> None:
        """The query has ended: a write that waits for room is ended by it."""
        if self._read_end >= 0:
            os.close(self._read_end)
            self._read_end = -1
