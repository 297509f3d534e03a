"""A row as JSON: times in ISO 8601, amounts as decimal text beside their currency."""

from datetime import UTC, date, datetime
from typing import Any, cast

from schemas.currencies import format_minor


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """The row's columns by name; each `…_minor` beside a currency also as text: `amount`."""
    told = {name: _plain(value) for name, value in row.items()}
    currency = row.get("currency")
    for name, value in row.items():
        if name.endswith("_minor") and isinstance(value, int) and currency:
            told[name.removesuffix("_minor")] = format_minor(value, currency)
        elif name.endswith("_minor") and isinstance(value, dict):
            by_currency = cast("dict[str, int]", value)
            told[name.removesuffix("_minor")] = {
                one: format_minor(minor, one) for one, minor in by_currency.items()
            }
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        at = value if value.tzinfo else value.replace(tzinfo=UTC)
        return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
