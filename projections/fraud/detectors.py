"""Every detector there is: its name, version, mode and thresholds, read off its module."""

from types import ModuleType
from typing import NamedTuple, cast

from projections.fraud import excessive_hours, overlapping_sessions, pasted_answer
from projections.fraud.findings import Mode


class Detector(NamedTuple):
    """A detector as people know it."""

    name: str
    version: int
    """Raised with every change of its logic or thresholds: see `locks.py`."""
    mode: Mode
    thresholds: dict[str, int]
    """The whole numbers that its module names in capitals, by their names in small letters."""
    module: ModuleType


def _detector(module: ModuleType) -> Detector:
    names = cast("dict[str, object]", vars(module))
    thresholds = {
        name.lower(): value
        for name, value in names.items()
        if name.isupper() and isinstance(value, int) and name not in ("VERSION", "BP", "NAMED_MAX")
    }
    return Detector(module.NAME, module.VERSION, module.MODE, thresholds, module)


OVERLAPPING_SESSIONS = _detector(overlapping_sessions)
EXCESSIVE_HOURS = _detector(excessive_hours)
PASTED_ANSWER = _detector(pasted_answer)
DETECTORS = (OVERLAPPING_SESSIONS, EXCESSIVE_HOURS, PASTED_ANSWER)
