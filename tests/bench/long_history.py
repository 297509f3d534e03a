"""What an event costs an expert of a hundred thousand time entries, beside one of ten.

    python -m tests.bench.long_history [--entries 100000]

Each expert works half an hour forty times a day under a weekly cap. Measured is the payout fold
over further rounds of one day's entries, state encoded as for the store; everything is in memory.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import polars as pl

from projections.payout.fold import payout
from schemas.catalogue import catalogue
from schemas.wire import decode, encode
from tests.projections.histories import History, event_id_of, value_of
from tests.projections.payout_events import HOUR_MS, READY, entry, policy

ENTRIES_A_DAY = 40
HOURS_APART = 24 / ENTRIES_A_DAY
ROUNDS = 25


def begun(entries: int) -> History:
    """An expert who has told so many entries already."""
    told = History(payout).tell(*READY, policy(weekly_cap_ms=30 * HOUR_MS))
    for first in range(0, entries, 10_000):
        told.tell_values(entries_of(first, min(10_000, entries - first), told.offset))
    return told


def entries_of(first: int, count: int, offset: int) -> list[bytes]:
    """Time entries by their number in the expert's life, as they stand on Kafka."""
    event_type = catalogue().by_name["TimeEntryRecorded"]
    _, like = decode(value_of(0, entry(0, 0.5)))
    values: list[bytes] = []
    for number in range(first, first + count):
        _, times = entry(number * HOURS_APART, number * HOURS_APART + 0.5, f"e{number}")
        told = {"event_id": event_id_of(offset + number - first)}
        values.append(encode(event_type, like | times | told))
    return values


def one_more_day(told: History, first: int) -> tuple[float, pl.DataFrame]:
    """Seconds that the fold takes for a day's entries, and the parts of the state that it makes."""
    values = entries_of(first, ENTRIES_A_DAY, told.offset)
    batch = told.batch_of(values)
    began = time.perf_counter()
    output = told.fold.apply(batch, told.parts)
    seconds = time.perf_counter() - began
    told.offset += len(values)
    return seconds, output.parts


def bytes_of(parts: pl.DataFrame) -> int:
    """What some parts of the state come to."""
    return int(parts["body"].bin.size().sum())


def main() -> None:
    """Print microseconds and bytes of state an event, for both experts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    given = parser.parse_args()
    for entries in (10, given.entries):
        told = begun(entries)
        days = [one_more_day(told, entries + n * ENTRIES_A_DAY) for n in range(ROUNDS)]
        us = median(seconds for seconds, _ in days) / ENTRIES_A_DAY * 1e6
        written = median(bytes_of(parts) for _, parts in days) / ENTRIES_A_DAY
        print(f"after {entries:,} entries: {us:.0f} µs and {written:.0f} bytes of state an event")


if __name__ == "__main__":
    main()
