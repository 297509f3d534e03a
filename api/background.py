"""Work that goes on beside the requests of clients."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

WAIT_S = 1.0


@contextmanager
def repeating(name: str, every_s: float, work: Callable[[], None]) -> Iterator[None]:
    """Until the end, do some work again and again, with a pause between; an error is logged.

    In a daemon thread, which is waited for a little: where work hangs on a server that does not
    answer, the process ends all the same.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every_s):
            try:
                work()
            except Exception:
                log.exception("%s: failed, and is tried again", name)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(WAIT_S)
