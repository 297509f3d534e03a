"""The row `road.quix_streams`: the fold `road` on Quix Streams, into the same ClickHouse rows.

    .workledger/bench/quix_streams/bin/python -m tests.bench.peers.quix_streams.road ORDER

State by expert in RocksDB with a changelog on Kafka, as Quix keeps it; event ids beside it, so that
an event told again changes nothing; rows go out in the sink's flush, before offsets are committed.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import fastavro
from quixstreams import Application
from quixstreams.checkpointing.checkpoint import Checkpoint
from quixstreams.sinks.base import BaseSink
from quixstreams.state import State

from tests.bench.stopwatch import Order, Stopwatch

HEADER_BYTES = 5
MS_PER_HOUR = 3_600_000
COMMIT_EVERY = 20_000
"""As many as stock Faust takes for a round: each commit is an insert into ClickHouse."""
COLUMNS = (
    "event_id", "expert_id", "project_id", "entry_id", "occurred_at", "duration_ms",
    "rate_minor_per_hour", "amount_minor", "currency", "balance_minor",
    "topic", "partition", "offset", "number",
)  # fmt: skip
Line = tuple[Any, ...]


class Lines(BaseSink):
    """Collects lines between two commits and inserts them as one block."""

    def __init__(self, clickhouse: dict[str, str]) -> None:
        super().__init__()
        self._table = clickhouse["table"]
        parts = urlsplit(clickhouse["url"])
        self._client = clickhouse_connect.get_client(
            host=parts.hostname or "",
            port=parts.port or 0,
            username=clickhouse["user"],
            password=clickhouse["password"],
            database=clickhouse["database"],
        )
        self._lines: list[Line] = []

    def add(
        self, value: Line, key: Any, timestamp: int, headers: Any,
        topic: str, partition: int, offset: int,
    ) -> None:  # fmt: skip
        """Keep a line until the next commit."""
        self._lines.append((*value, topic, partition, offset, 0))

    def flush(self) -> None:
        """Insert what has come since the last commit."""
        if self._lines:
            self._client.insert(self._table, self._lines, column_names=COLUMNS)
            self._lines = []


class Road:
    """The fold, an event at a time."""

    def __init__(self, schemas: dict[int, Any]) -> None:
        self._schemas = schemas

    def line(self, value: bytes, state: State) -> list[Line]:
        """The line of a time entry; nothing for another event, or one that is told again."""
        schema = self._schemas[int.from_bytes(value[1:HEADER_BYTES], "big")]
        event: Any = fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), schema, None)
        applied = event["event_id"].hex()
        if state.exists(applied):
            return []
        state.set(applied, 1)
        match schema["name"].rpartition(".")[2]:
            case "RateAgreed" | "RateChanged":
                rates = state.get("rates") or {}
                rates[event["project_id"]] = event["rate_minor_per_hour"], event["currency"]
                state.set("rates", rates)
            case "TimeEntryRecorded":
                return [self._entry(event, state)]
        return []

    @staticmethod
    def _entry(event: dict[str, Any], state: State) -> Line:
        rates: Any = state.get("rates") or {}
        rate, currency = rates.get(event["project_id"], (0, ""))
        duration_ms = (event["ended_at"] - event["started_at"]) // 1000
        amount = (2 * duration_ms * rate + MS_PER_HOUR) // (2 * MS_PER_HOUR)
        balance = (state.get("balance_minor") or 0) + amount
        state.set("balance_minor", balance)
        return (
            event["event_id"], event["subject_id"], event["project_id"], event["entry_id"],
            event["occurred_at"], duration_ms, rate, amount, currency, balance,
        )  # fmt: skip


def watch(app: Application, stopwatch: Stopwatch) -> Any:
    """Measure: from the first message to the commit that includes the last. Returns a hook."""
    upto: dict[int, int] = {}
    commit = Checkpoint.commit

    def timed_commit(self: Checkpoint, **named: Any) -> None:
        commit(self, **named)
        if stopwatch.done(dict(upto)):
            app.stop()

    def on_message(topic: str, partition: int, offset: int) -> None:
        stopwatch.start()
        upto[partition] = offset

    Checkpoint.commit = timed_commit  # type: ignore[method-assign]
    return on_message


def main() -> None:
    """Run until the stopwatch ends it."""
    order = Order.parse(sys.argv[1])
    listed = json.loads(Path(order.schemas).read_text(encoding="utf-8"))
    schemas: dict[int, Any] = {int(i): fastavro.parse_schema(one) for i, one in listed.items()}
    hooks: list[Any] = []
    app = Application(
        broker_address=order.bootstrap_servers,
        consumer_group=order.output_topic,
        auto_offset_reset="earliest",
        commit_every=COMMIT_EVERY,
        commit_interval=5.0,
        state_dir=order.state_dir,
        producer_extra_config={"compression.type": "lz4", "linger.ms": 50},
        on_message_processed=lambda *place: hooks[0](*place),
        loglevel="WARNING",
    )
    hooks.append(watch(app, Stopwatch(order)))
    topic = app.topic(order.topic, value_deserializer="bytes", key_deserializer="str")
    lines = app.dataframe(topic).apply(Road(schemas).line, stateful=True, expand=True)
    lines.sink(Lines(order.clickhouse))
    app.run()


if __name__ == "__main__":
    main()
