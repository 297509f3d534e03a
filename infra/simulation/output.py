"""Where a simulation goes: a file of Kafka records, the broker, and the labels beside them.

The file is an Avro object container of records with topic, key and value, which any Avro library
reads; the values are the bytes that would stand on Kafka.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import fastavro

from infra.simulation.pace import with_dependence
from infra.simulation.run import Label
from infra.simulation.side_by_side import Encoded
from infra.simulation.told import Told
from streams.publisher import Publisher

RECORD = fastavro.parse_schema(
    {
        "type": "record",
        "name": "KafkaRecord",
        "fields": [
            {"name": "topic", "type": "string"},
            {"name": "key", "type": "bytes"},
            {"name": "value", "type": "bytes"},
        ],
    }
)
TOLD_EVERY = 5_000
"""Events between two steps of the progress bar."""
OnProgress = Callable[[int], None]
Counted = TypeVar("Counted")


def write_file(events: Iterable[Encoded], path: Path, on_progress: OnProgress) -> int:
    """Write all events to a file; answers how many. Nothing is left of one that was interrupted."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    count = 0

    def records() -> Iterator[dict[str, Any]]:
        nonlocal count
        for one in counted(events, on_progress):
            count += 1
            yield {"topic": one.topic, "key": one.key, "value": one.value}

    try:
        with unfinished.open("wb") as file:
            fastavro.writer(file, RECORD, records(), codec="deflate")
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def publish(
    events: Iterable[Told],
    publisher: Publisher,
    on_progress: OnProgress,
    await_agents: Callable[[], None] = lambda: None,
) -> int:
    """Publish all events and wait for them; answers how many. Raises `PublishError`.

    `await_agents` is called, and everything before is on the broker then, where hours follow that
    depend on the agents' answers.
    """

    def paced() -> Iterator[Told]:
        for depends, told in with_dependence(events):
            if depends:
                publisher.flush()
                await_agents()
            yield told

    count = 0
    for told in counted(paced(), on_progress):
        one = told.message()
        count += 1
        publisher.send(one.topic, one.key, one.value)
    publisher.flush()
    return count


def counted(events: Iterable[Counted], on_progress: OnProgress) -> Iterator[Counted]:
    """The events, and now and then how many they were."""
    number = 0
    for number, one in enumerate(events, start=1):
        yield one
        if number % TOLD_EVERY == 0:
            on_progress(number)
    on_progress(number)


def write_labels(labels: Iterable[Label], path: Path) -> None:
    """What is true of each expert, as CSV: expert_id, fraud, look_alike."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(Label._fields)
        rows.writerows(labels)
