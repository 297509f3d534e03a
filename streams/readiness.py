"""Whether a worker's store answers: which steps are being tried again, and since when."""

import threading
import time
from dataclasses import dataclass, field

from streams import metrics


@dataclass
class Readiness:
    """The steps that fail at this moment; told by `/health/ready` and by a metric."""

    projection: str
    _failing: dict[str, tuple[float, str]] = field(default_factory=dict[str, tuple[float, str]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def failed(self, step: str, error: BaseException) -> None:
        """An attempt failed, and will be made again."""
        with self._lock:
            since, _ = self._failing.get(step, (time.monotonic(), ""))
            self._failing[step] = since, f"{type(error).__name__}: {error}"
            metrics.READY.labels(self.projection).set(0)
        metrics.RETRIES.labels(self.projection, step).inc()

    def answered(self, step: str) -> None:
        """A step went well."""
        if step not in self._failing:
            return
        with self._lock:
            self._failing.pop(step, None)
            metrics.READY.labels(self.projection).set(0 if self._failing else 1)

    def missing(self) -> list[str]:
        """What is not ready, a sentence each; nothing where all is well."""
        with self._lock:
            now = time.monotonic()
            return [
                f"{step} is tried again for {now - since:.0f} s: {reason}"
                for step, (since, reason) in sorted(self._failing.items())
            ]
