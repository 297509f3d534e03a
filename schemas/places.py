"""Countries of ISO 3166-1 and IANA time zones, from `tzdata`: the same on any machine."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


def _lines(package: str, name: str) -> list[str]:
    text = (files(package) / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


COUNTRIES: tuple[str, ...] = tuple(
    sorted(line[:2] for line in _lines("tzdata.zoneinfo", "iso3166.tab"))
)
"""The two capitals of each country."""
ZONES: tuple[str, ...] = tuple(sorted(_lines("tzdata", "zones")))
"""The name of each time zone, `UTC` and the older names included."""


@cache
def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name, from `tzdata` and never from the system. `KeyError` if unknown."""
    if name not in ZONES:
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)
