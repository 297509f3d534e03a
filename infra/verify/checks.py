"""The checks of `verify`: each answers with what differs, in words; nothing is no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.verify import payout
from infra.verify.fraud import alerts
from infra.verify.utilization import hours
from projections.registry import PROJECTIONS
from projections.store.generations import pointer_of
from streams.offsets import LogOffsets

TOLD_SQL = """
WITH told AS (
    SELECT topic, partition, offset, 'applied' AS verdict FROM {projection}_applied_g{generation}
    UNION ALL SELECT topic, partition, offset, 'repeat' FROM {projection}_repeats_g{generation}
    UNION ALL
    SELECT topic, partition, offset, 'dead letter' FROM {projection}_dead_letters_g{generation}
)
"""


class Outcome(NamedTuple):
    """One check: what it looked at, how much, and what differs."""

    name: str
    looked_at: str
    differences: list[str]


@dataclass
class Verifier:
    """Holds ClickHouse against Kafka and against itself."""

    client: Client
    offsets: Callable[[str], list[LogOffsets]]
    """A topic's partitions with what Kafka holds of each."""
    exists: Callable[[str, int, list[int]], list[int]]
    """Of some offsets of a partition, those at which Kafka holds an event."""
    projections: Iterable[str] = tuple(PROJECTIONS)
    """Those whose offsets are held against Kafka's."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A query's rows."""
        answer: Any = self.client.query(sql)
        return list(answer.result_rows)

    def every_offset(self) -> Outcome:
        """Every projection applied, repeated or refused each offset of Kafka, and no other."""
        differences: list[str] = []
        count = 0
        for projection in (PROJECTIONS[name] for name in self.projections):
            generation = pointer_of(self.client, projection).generation
            for topic in projection.topics:
                for log in self.offsets(topic):
                    count += log.end - log.start
                    differences += self._partition(projection.name, generation, log)
        return Outcome("every offset", f"{count:,} offsets of Kafka", differences)

    def _partition(self, projection: str, generation: int, log: LogOffsets) -> list[str]:
        where = f"topic = '{log.topic}' AND partition = {log.partition}"
        sql = TOLD_SQL.format(projection=projection, generation=generation)
        name = f"{projection}: {log.topic}/{log.partition}"
        [(told, twice, last)] = self.rows(
            f"{sql} SELECT count(), countIf(kinds > 1), max(offset) FROM (SELECT offset, "
            f"uniqExact(verdict) AS kinds FROM told WHERE {where} AND offset >= {log.start} "
            "GROUP BY offset)"
        )
        found: list[str] = []
        if twice:
            found.append(f"{name}: {twice:,} offsets have two verdicts")
        # Asked again: where events come in, the log has grown since.
        if told and last >= log.end and last >= self._end_now(log):
            found.append(f"{name}: ClickHouse has offset {last}, Kafka ends before {log.end}")
        if told < log.end - log.start:
            missing = self.rows(
                f"{sql} SELECT number + {log.start} AS at FROM numbers({log.end - log.start}) "
                f"WHERE at NOT IN (SELECT offset FROM told WHERE {where}) LIMIT 1000"
            )
            lost = self.exists(log.topic, log.partition, [at for (at,) in missing])
            if lost:
                found.append(f"{name}: {len(lost):,} offsets are missing, the first is {lost[0]}")
        return found

    def _end_now(self, log: LogOffsets) -> int:
        return next(n.end for n in self.offsets(log.topic) if n.partition == log.partition)

    def run(self) -> list[Outcome]:
        """Every check."""
        checks: dict[str, Callable[..., tuple[str, list[str]]]] = {
            "the journal": payout.journal,
            "payout lines": payout.lines,
            "weekly caps": payout.caps,
            "rates": payout.rates,
            "statuses": payout.statuses,
            "decisions": payout.decisions,
            "hours": hours,
            "fraud alerts": alerts,
        }
        return [
            self.every_offset(),
            *(Outcome(name, *check(self.rows)) for name, check in checks.items()),
        ]
