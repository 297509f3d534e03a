"""The rows of the benchmark: what each runs, over which events, and where what it makes lies."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from infra.settings import CHECKOUT

BUILT = CHECKOUT / ".workledger" / "bench"
"""Where `make bench` builds the peers that are no part of this project's environment."""
QUIX_STREAMS, KAFKA_STREAMS = BUILT / "quix_streams", BUILT / "kafka_streams"


class Output(Enum):
    """Where the lines lie that a row makes."""

    NOWHERE = "nowhere"
    CLICKHOUSE = "clickhouse"
    KAFKA = "kafka"
    """On a topic of the row's own: the system's own sink."""


@dataclass(frozen=True)
class Row:
    """One system doing one job."""

    name: str
    """`job.system`."""
    command: tuple[str, ...]
    """The process that is measured; its order follows as the last argument."""
    output: Output = Output.CLICKHOUSE
    is_slow: bool = False
    """It reads the first events only, for otherwise it would take minutes."""
    after_earlier_events: bool = False
    """The ids of earlier events lie in its tables before it starts."""

    @property
    def job(self) -> str:
        """The job that it does."""
        return self.name.partition(".")[0]

    @property
    def system(self) -> str:
        """The system that does it."""
        return self.name.partition(".")[2]


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.bench.{module}", *arguments)


def _kafka_streams(guarantee: str, threads: int) -> tuple[str, ...]:
    classpath = f"{KAFKA_STREAMS}/classes:{KAFKA_STREAMS}/jars/*"
    program = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath, "workledger.Main")
    return ("java", "-Xmx1g", *program, guarantee, str(threads))


EARLIER = Row(
    "road.worker_after_earlier_events", _python("worker", "road"), after_earlier_events=True
)
"""Measured where `--earlier-events` asks for it."""

ROWS = (
    Row("road.worker", _python("worker", "road")),
    Row("road.stock_faust", _python("peers.stock_faust", "road"), is_slow=True),
    Row(
        "road.quix_streams",
        (str(QUIX_STREAMS / "bin" / "python"), "-m", "tests.bench.peers.quix_streams.road"),
        is_slow=True,
    ),
    Row("road.kafka_streams", _kafka_streams("at_least_once", 1), Output.KAFKA),
    Row("road.kafka_streams_exactly_once", _kafka_streams("exactly_once_v2", 1), Output.KAFKA),
    Row("road.kafka_streams_two_threads", _kafka_streams("exactly_once_v2", 2), Output.KAFKA),
    Row("road.limit", _python("limit"), Output.NOWHERE),
    Row("road.limit_columns", _python("limit_columns"), Output.NOWHERE),
    Row("payout.worker", _python("worker", "payout")),
    Row("payout.stock_faust", _python("peers.stock_faust", "payout"), is_slow=True),
    Row("payout.limit", _python("limit"), Output.NOWHERE),
)


def worker_of(job: str) -> str:
    """The row of a job that the others are held against."""
    return f"{job}.worker"


def rows_of(job: str, systems: Sequence[str] = (), *, with_earlier: bool = False) -> list[Row]:
    """The rows of `road`, `payout` or `all`; of their peers, those named, or all of them."""
    rows = [*ROWS[:1], EARLIER, *ROWS[1:]] if with_earlier else list(ROWS)
    return [
        row
        for row in rows
        if job in ("all", row.job)
        and (not systems or row is EARLIER or row.system in ("worker", *systems))
    ]


SYSTEMS = tuple(dict.fromkeys(row.system for row in ROWS if row.system != "worker"))
"""What the worker is held against."""
