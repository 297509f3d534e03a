"""Countries of ISO 3166-1 and IANA time zones, from `tzdata`: the same on any machine."""

from importlib.resources import files


def _lines(package: str, name: str) -> list[str]:
    text = (files(package) / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


COUNTRIES: tuple[str, ...] = tuple(
    sorted(line[:2] for line in _lines("tzdata.zoneinfo", "iso3166.tab"))
)
"""The two capitals of each country."""
ZONES: tuple[str, ...] = tuple(sorted(_lines("tzdata", "zones")))
"""The name of each time zone, `UTC` and the older names included."""
