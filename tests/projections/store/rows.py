"""Rows for the tests of stores: state, and payout lines of two events of one partition."""

from __future__ import annotations

from typing import Any

import polars as pl

from projections.payout.rows import LINES, NO_LINE
from projections.store.store import STATE

TOPIC = "workforce.experts"
PLACES = pl.DataFrame(
    {"topic": [TOPIC, TOPIC], "partition": [3, 3], "offset": [10, 11]},
    schema={"topic": pl.String, "partition": pl.UInt16, "offset": pl.Int64},
)


def state_rows(*rows: tuple[str, int, bytes]) -> pl.DataFrame:
    """Parts or progress: key, offset and body."""
    columns = {
        "key": [key for key, _, _ in rows],
        "topic": [TOPIC] * len(rows),
        "partition": [3] * len(rows),
        "offset": [offset for _, offset, _ in rows],
        "occurred_at": [7] * len(rows),
        "appended_at": [8] * len(rows),
        "version": [1] * len(rows),
        "body": [body for _, _, body in rows],
    }
    return pl.DataFrame(columns).cast(STATE)  # type: ignore[arg-type]


def lines(reason: str) -> pl.DataFrame:
    """A line of each of the two events of `PLACES`."""
    row: Any = LINES.row
    line = row(
        b"\x07" * 16, "worked", NO_LINE, "expert-1", "p", "e", "s", "t", "payable", reason,
        1_700_000_000_123_000, 1_700_003_600_123_000, 3_600_000, 25_000, 0, 25_000, "USD",
        b"\xab" * 32, "pay-1", 1_700_003_600_123_000,
    )  # fmt: skip
    return LINES.frame([line, line], [0, 1], PLACES)
