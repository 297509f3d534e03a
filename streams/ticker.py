"""The ticker: claims whose time has passed are told to the log, which decides.

The clock is asked here and in no fold. A claim's event has an id derived from the claim, so several
tickers, or one that is behind, tell one and the same event.
"""

from collections.abc import Iterable
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.events import TaskClaimExpired
from schemas.identity import derived_id
from schemas.message import envelope, message
from streams.outbox import Outbox, Record

TICK_S = 5.0
CLAIMS_MAX = 10_000
"""Claims ended in one tick; the others wait for the next."""

DUE_SQL = """
SELECT task_id, last.1 AS claim_id, toUnixTimestamp64Micro(last.3) AS expires_at FROM (
    SELECT task_id, argMax((claim_id, change, task_claims.expires_at), (offset, number)) AS last
    FROM task_claims WHERE change != 'refused' AND partition IN {partitions:Array(UInt16)}
    GROUP BY task_id
) WHERE last.2 = 'granted' AND last.3 <= now64(6) LIMIT {limit:UInt32}
"""


def tick(client: Client, outbox: Outbox, partitions: Iterable[int]) -> int:
    """Tell the log of the claims in some partitions whose time has passed; answers how many."""
    given = {"partitions": sorted(partitions), "limit": CLAIMS_MAX}
    answer: Any = client.query(DUE_SQL, parameters=given)
    records = [record_of(*row) for row in answer.result_rows]
    outbox.send(records)
    return len(records)


def record_of(task_id: str, claim_id: str, expires_at: int) -> Record:
    """The event that ends a claim: always the same one for a claim of a task."""
    told = message(
        TaskClaimExpired(claim_id=claim_id),
        envelope(
            task_id,
            actor="system:ticker",
            source="workledger",
            occurred_at=expires_at,
            event_id=derived_id(f"expired {task_id} {claim_id}".encode()),
        ),
    )
    return Record(told.topic, told.key, told.value)
