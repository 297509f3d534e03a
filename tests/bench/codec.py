"""The codec alone: events encoded, decoded one by one and by columns, beside fastavro itself."""

from __future__ import annotations

import gc
import io
import random
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, cast

import fastavro
from rich.console import Console
from rich.table import Table

from schemas.catalogue import catalogue
from schemas.columns import decode_columns
from schemas.identity import import_id
from schemas.message import fields_of
from schemas.wire import HEADER_BYTES, decode, encode
from tests.schemas.events import example_of
from tests.two_weeks import history

COMMONEST = (
    "SessionHeartbeat",
    "ActivityObserved",
    "TimeEntryRecorded",
    "TaskClaimed",
    "TaskSubmitted",
)
"""What a marketplace tells most often: activity by the minute, then tasks and time entries."""
DEMO = "the demo's mix"
BATCHES = (1_000, 10_000, 50_000)
SEED = 12
START_US = 1_790_000_000_000_000
ROWS = ("columns", "one", "fastavro", "encode", "fastavro_encode")
"""Decoding by columns, by one and by fastavro's reader; encoding by ours and by its writer."""

_read: Callable[..., Any] = cast(Any, fastavro).schemaless_reader
_write: Callable[..., None] = cast(Any, fastavro).schemaless_writer
Told = tuple[str, dict[str, Any]]
Line = dict[str, dict[str, dict[str, int]]]


def events(mix: str, count: int) -> list[Told]:
    """`count` events: of one type with ids and times of their own, or in the demo's mix."""
    if mix == DEMO:
        made = [(type(one.event).__name__, fields_of(*one[1:])) for one in history()]
        return [made[number % len(made)] for number in range(count)]
    dice = random.Random(SEED)
    example = example_of(catalogue().by_name[mix])
    texts = [name for name in example if name.endswith("_id") and isinstance(example[name], str)]
    made = []
    for number in range(count):
        at = START_US + number * 1_000_000
        named = {name: f"{example[name]}-{dice.randrange(10_000)}" for name in texts}
        identity = {"event_id": import_id(at, b"codec %d" % number), "occurred_at": at}
        made.append((mix, example | named | identity))
    return made


def measure(rounds: int, batches: tuple[int, ...] = BATCHES) -> Line:
    """Events a second of every row, by mix and batch: medians of rounds that take turns.

    Raises `AssertionError` where the three decoders do not give the same events.
    """
    line: Line = {}
    for mix in (*COMMONEST, DEMO):
        for batch in batches:
            told = events(mix, batch)
            check_same(told)
            timed = [rates(told, number) for number in range(rounds)]
            found = {row: round(median(one[row] for one in timed)) for row in ROWS}
            line.setdefault(mix, {})[str(batch)] = found
    return line


def check_same(told: list[Told]) -> None:
    """Columns, our reader and fastavro's must give the events that were encoded."""
    by_name = catalogue().by_name
    values = [encode(by_name[name], event) for name, event in told]
    groups, failures = decode_columns([*values])
    assert not failures
    whole = [{n: e.get(n) for n in by_name[name].fields} for name, e in told]
    for group in groups:
        assert group.frame.to_dicts() == [whole[position] for position in group.positions]
    assert [decode(value)[1] for value in values] == whole


def rates(told: list[Told], number: int) -> dict[str, float]:
    """Events a second of each row once; the order turns with `number`."""
    by_name, by_id = catalogue().by_name, catalogue().by_id
    typed = [(by_name[name], event) for name, event in told]
    values: list[bytes | None] = [encode(event_type, event) for event_type, event in typed]
    plain = {schema_id: version.plain for schema_id, (_, version) in by_id.items()}

    def fastavro_decode() -> None:
        for value in cast("list[bytes]", values):
            schema = plain[int.from_bytes(value[1:HEADER_BYTES], "big")]
            _read(io.BytesIO(value[HEADER_BYTES:]), schema, None)

    def fastavro_encode() -> None:
        for event_type, event in typed:
            out = io.BytesIO()
            _write(out, event_type.plain, event)
            out.getvalue()

    jobs: dict[str, Callable[[], object]] = {
        "columns": lambda: decode_columns(values),
        "one": lambda: [decode(value) for value in cast("list[bytes]", values)],
        "fastavro": fastavro_decode,
        "encode": lambda: [encode(event_type, event) for event_type, event in typed],
        "fastavro_encode": fastavro_encode,
    }
    order = [ROWS[(number + step) % len(ROWS)] for step in range(len(ROWS))]
    return {row: len(told) / seconds(jobs[row], len(told)) for row in order}


def seconds(job: Callable[[], object], count: int) -> float:
    """How long a job takes; small ones are repeated until they add up to something."""
    repeats = max(1, 20_000 // count)
    gc.collect()
    began = time.perf_counter()
    for _ in range(repeats):
        job()
    return (time.perf_counter() - began) / repeats


def ratios(line: Line) -> Iterator[tuple[str, str, float]]:
    """Mix, batch, and how many times fastavro's reader decoding by columns is."""
    for mix, by_batch in line.items():
        for batch, row in by_batch.items():
            yield mix, batch, row["columns"] / row["fastavro"]


def show(line: Line, console: Console) -> None:
    """The table for people."""
    table = Table(title="Codec: thousand events a second, medians of interleaved rounds")
    table.add_column("events", no_wrap=True)
    for heading in ("batch", "columns", "one", "fastavro", "times", "encode", "fastavro"):
        table.add_column(heading, justify="right")
    for mix, batch, ratio in ratios(line):
        row = line[mix][batch]
        figures = [f"{row[name] / 1000:,.0f}" for name in ROWS]
        table.add_row(mix, f"{int(batch):,}", *figures[:3], f"{ratio:.1f}", *figures[3:])
    console.print(table)
