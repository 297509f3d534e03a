"""The rows `…stock_faust`: the same fold, look-ups and writes on stock Faust.

    python -m tests.bench.peers.stock_faust PROJECTION ORDER

Faust's own Kafka transport hands over one event at a time, and fastavro decodes one event at a
time into a dictionary; from there on it is the worker's own code: rules, look-ups, fold, writes.
"""

from __future__ import annotations

import asyncio
import io
import sys
import uuid
from typing import Any

import fastavro
import faust
import mode.loop
import polars as pl

from infra.connections import writer_address
from infra.settings import Settings, load_settings
from projections.fold import Fold
from projections.store.clickhouse import ClickHouseStore
from projections.store.client import connect
from schemas.catalogue import EventType, catalogue
from schemas.columns import Group
from schemas.partitioning import PARTITIONS
from schemas.wire import HEADER_BYTES
from streams.admission import Admitted, Refusal, places_of, told_apart
from streams.batch import Fetch
from streams.collector import freeze_after_start
from streams.outbox import KafkaOutbox
from streams.rounds import Rounds
from streams.worker import stop_the_process
from tests.bench.faust_stopwatch import watch_faust
from tests.bench.folds import FOLDS
from tests.bench.stopwatch import Order

TAKE_EVENTS, WITHIN_S = 20_000, 5.0
"""Tried from 5,000 to 50,000 and from 0.05 s: smaller rounds cost it up to half its rate."""
BUFFER_EVENTS = 16_384
FETCH_BYTES = 1 << 20
DTYPES: dict[str, Any] = {"long": pl.Int64, "string": pl.String, "boolean": pl.Boolean}


def column_type(declared: Any) -> Any:
    """The polars type of an Avro type, as decoding by columns makes it."""
    if isinstance(declared, list):
        return column_type(next(branch for branch in declared if branch != "null"))
    if isinstance(declared, str):
        return DTYPES.get(declared, pl.Binary)  # a name: EventId, 16 bytes
    match declared["type"]:
        case "array":
            return pl.List(column_type(declared["items"]))
        case "enum":
            return pl.String
        case "fixed":
            return pl.Binary
        case inner:
            return column_type(inner)


def frame_of(event_type: EventType, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The dictionaries of one event type as columns."""
    fields = event_type.schema["fields"]
    return pl.DataFrame(
        {
            field["name"]: pl.Series(
                [row[field["name"]] for row in rows], dtype=column_type(field["type"])
            )
            for field in fields
        }
    )


def admit_one_by_one(fetches: list[Fetch]) -> Admitted:
    """What `streams.admission.admit` does, with each event decoded by itself."""
    places = places_of(fetches)
    by_id, read = catalogue().by_id, fastavro.schemaless_reader
    rows: dict[EventType, list[dict[str, Any]]] = {}
    positions: dict[EventType, list[int]] = {}
    refusals: list[Refusal] = []
    values = [value for fetch in fetches for value in fetch.values]
    for position, value in enumerate(values):
        try:
            assert value is not None
            event_type, _ = by_id[int.from_bytes(value[1:HEADER_BYTES], "big")]
            row: Any = read(io.BytesIO(value[HEADER_BYTES:]), event_type.plain, None)
        except Exception as error:
            refusals.append(Refusal(position, "undecodable", repr(error)))
            continue
        rows.setdefault(event_type, []).append(row)
        positions.setdefault(event_type, []).append(position)
    groups = [
        Group(event_type, positions[event_type], frame_of(event_type, its_rows))
        for event_type, its_rows in rows.items()
    ]
    return told_apart(groups, places, refusals)


def fetches_of(messages: list[Any]) -> list[Fetch]:
    """Faust's messages, a fetch a partition."""
    fetches: dict[int, Fetch] = {}
    for message in messages:
        fetch = fetches.get(message.partition)
        if fetch is None:
            at = message.offset
            fetch = fetches[message.partition] = Fetch(message.topic, message.partition, at, at)
        fetch.values.append(message.value)
        fetch.keys.append(message.key)
        fetch.offsets.append(message.offset)
        fetch.timestamps.append(int(message.timestamp * 1000))
        fetch.end = message.offset + 1
    return list(fetches.values())


def create_app(settings: Settings, fold: Fold) -> faust.App:
    """Stock Faust at the best settings that we know."""
    servers = settings.bootstrap_servers
    app = faust.App(
        f"bench-stock-{uuid.uuid4().hex}",
        broker=f"kafka://{servers}",
        store="memory://",
        datadir=str(settings.home / "faust-stock"),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=5_000,
        broker_commit_interval=1.0,
        stream_buffer_maxsize=BUFFER_EVENTS,
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
    )
    topic = app.topic(
        fold.topics[0],
        key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw",
    )  # fmt: skip

    async def carry(stream: Any) -> None:
        outbox = KafkaOutbox(servers, fold.name)
        rounds = Rounds(
            fold,
            ClickHouseStore(connect(writer_address(settings)), fold),
            outbox,
            outbox,
            admit_one_by_one,
            on_failure=stop_the_process,
        )
        await rounds.start_at({(fold.topics[0], number) for number in range(PARTITIONS)})
        freeze_after_start()
        async for events in stream.noack_take(TAKE_EVENTS, within=WITHIN_S):
            try:
                await put(rounds, events)
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                stop_the_process(error)

    app.agent(topic, name="stock")(carry)
    return app


async def put(rounds: Rounds, events: list[Any]) -> None:
    """One round; its events are acknowledged when it is durable."""

    def acknowledge() -> None:
        for event in events:
            event.ack()

    await rounds.put(fetches_of([event.message for event in events]), acknowledge)


def main() -> None:
    """Run the worker until the stopwatch ends it."""
    settings, fold = load_settings(), FOLDS[sys.argv[1]]
    watch_faust(Order.parse(sys.argv[2]))
    mode.loop.use("uvloop")
    worker = faust.Worker(create_app(settings, fold), loglevel="warning", redirect_stdouts=False)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
