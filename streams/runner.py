"""Where a round's blocking work runs: beside the event loop, in threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

Answer = TypeVar("Answer")

STORE_THREADS = 6
"""Look-ups of one round (two) and writes of another (four at a time) run side by side."""


class Runner(Protocol):
    """Runs what blocks, and waits."""

    async def store(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """A call of the store or of the broker; several run at once."""
        ...

    async def compute(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """Decoding or folding; one at a time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class ThreadRunner:
    """Threads of this process."""

    def __init__(self) -> None:
        self._store = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        self._compute = ThreadPoolExecutor(1, thread_name_prefix="fold")

    async def store(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """A call of the store or of the broker."""
        return await asyncio.get_running_loop().run_in_executor(self._store, call, *arguments)

    async def compute(self, call: Callable[..., Answer], *arguments: Any) -> Answer:
        """Decoding or folding."""
        return await asyncio.get_running_loop().run_in_executor(self._compute, call, *arguments)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Let the threads go."""
        self._store.shutdown(wait=False, cancel_futures=True)
        self._compute.shutdown(wait=False, cancel_futures=True)
