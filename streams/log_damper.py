"""While a broker is away its client repeats itself many times a second: once a while is enough."""

import logging
import time
from collections.abc import Callable

SAME_LINE_S = 10.0
"""A line of the same logger and wording is shown again after this long."""
WORDINGS_MAX = 1_000
DAMPED = ("aiokafka", "kafka", "faust", "mode")


class Damper(logging.Filter):
    """Passes a wording (a message before its arguments) once in `SAME_LINE_S`, errors too.

    The line that passes next tells how many were left out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._shown: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        if not record.name.startswith(DAMPED):
            return True
        key, now = (record.name, str(record.msg)), self._clock()
        shown_at, left_out = self._shown.get(key, (now - SAME_LINE_S, 0))
        if now - shown_at < SAME_LINE_S:
            self._shown[key] = (shown_at, left_out + 1)
            return False
        if len(self._shown) >= WORDINGS_MAX:
            self._shown.clear()
        self._shown[key] = (now, 0)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} more like it)"
        return True


def damp_repeated_lines() -> None:
    """Put a damper on what the root logger's handlers show."""
    damper = Damper()
    for handler in logging.getLogger().handlers:
        handler.addFilter(damper)
