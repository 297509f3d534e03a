"""The checks of `verify`: each answers with what differs, in words; nothing is no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.verify.fraud import alerts
from infra.verify.utilization import hours
from projections.registry import PROJECTIONS
from projections.store.generations import pointer_of
from streams.offsets import LogOffsets

LINES_SQL = (Path(__file__).parent / "lines.sql").read_text(encoding="utf-8")
SHOWN_MAX = 20
"""Differences that a check spells out; how many there are is always told."""

TOLD_SQL = """
WITH told AS (
    SELECT topic, partition, offset, 'applied' AS verdict FROM {projection}_applied_g{generation}
    UNION ALL SELECT topic, partition, offset, 'repeat' FROM {projection}_repeats_g{generation}
    UNION ALL
    SELECT topic, partition, offset, 'dead letter' FROM {projection}_dead_letters_g{generation}
)
"""
PERMITTED = {("earned", "expense.expert_work", 1), ("earned", "payable", -1)}
"""Kind of entry, account, and the sign of what may be posted there."""


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
        if told and last >= log.end:
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

    def balance(self) -> Outcome:
        """Every journal entry sums to zero in each currency, on permitted accounts."""
        [(count,)] = self.rows("SELECT uniqExact(journal_entry_id) FROM payout_journal")
        unbalanced = self.rows(
            "SELECT journal_entry_id, currency, sum(amount_minor) AS total FROM payout_journal "
            f"GROUP BY journal_entry_id, currency HAVING total != 0 LIMIT {SHOWN_MAX}"
        )
        moved = self.rows("SELECT DISTINCT kind, account, sign(amount_minor) FROM payout_journal")
        forbidden = [move for move in moved if tuple(move) not in PERMITTED]
        unposted = self.rows(
            "SELECT line_id, amount_minor, posted FROM (SELECT line_id, amount_minor FROM "
            "payout_lines WHERE status = 'payable' AND amount_minor != 0) AS line FULL OUTER JOIN "
            "(SELECT journal_entry_id AS line_id, sumIf(amount_minor, amount_minor > 0) AS posted "
            "FROM payout_journal GROUP BY line_id) AS entry USING (line_id) "
            f"WHERE amount_minor != posted LIMIT {SHOWN_MAX}"
        )
        return Outcome(
            "the journal",
            f"{count:,} journal entries",
            [f"entry {entry} is off by {total} {currency}" for entry, currency, total in unbalanced]
            + [f"{kind} may not post {sign:+d} on {account}" for kind, account, sign in forbidden]
            + [f"line {line} is {amount}, posted {posted}" for line, amount, posted in unposted],
        )

    def lines(self) -> Outcome:
        """Every line equals what plain SQL makes of the archived events."""
        [(count,)] = self.rows(f"{LINES_SQL} SELECT count() FROM want")
        differing = self.rows(
            f"{LINES_SQL} SELECT expert, entry, start, want.facts, have.facts, want.offset, "
            "have.offset FROM want FULL OUTER JOIN have USING (expert, entry, start) "
            "WHERE want.facts != have.facts OR want.offset != have.offset "
            f"LIMIT {SHOWN_MAX} SETTINGS join_use_nulls = 0"
        )
        return Outcome(
            "payout lines",
            f"{count:,} lines computed from the archive",
            [
                f"{expert}, entry {entry} from {start}: expected {want}, found {have}"
                for expert, entry, start, want, have, _, _ in differing
            ],
        )

    def run(self) -> list[Outcome]:
        """Every check."""
        hours_hold = Outcome("hours", *hours(self.rows))
        alerts_hold = Outcome("fraud alerts", *alerts(self.rows))
        return [self.every_offset(), self.balance(), self.lines(), hours_hold, alerts_hold]
