"""What was known at a time: the same as an API would have answered then, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from litestar import Litestar
from litestar.testing import TestClient

from api.access.roles import Role
from api.app import Ledger, create_app
from infra.settings import Settings
from projections.archive import archive
from projections.payout.fold import payout
from projections.projection import Projection
from projections.store.client import connect
from schemas.json_form import time_text
from schemas.message import now_us
from tests.api.logs import KnownLog
from tests.databases import fresh_database
from tests.infra.kept_histories import history, keep_told
from tests.projections.histories import History, Told
from tests.projections.payout_events import START, at

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
LINES, SUMMARY = "/v1/payouts/lines", "/v1/payouts/summary"
TOPIC = "workforce.experts"
CHUNK = 10
"""So many events are taken in the same millisecond."""


def as_time_goes_by(events: list[Told]) -> list[Told]:
    """The events, four hours apart: windows pass and holds expire between them."""
    return [(name, fields | {"occurred_at": at(4 * n)}) for n, (name, fields) in enumerate(events)]


EVENTS = as_time_goes_by(history(11)[:240])
LAST = len(EVENTS) - 1


def taken_at(offset: int) -> int:
    return START + offset // CHUNK * 1_000


def keep(client: ClickHouse, events: list[Told], *projections: Projection) -> None:
    """What workers make of the events, and how far they have come by them."""
    clock = max(fields["occurred_at"] for _, fields in events)
    for projection in projections:
        told = History(projection)
        for first in range(0, len(events), CHUNK):
            told.appended_at = taken_at(first)
            told.tell(*events[first : first + CHUNK])
        keep_told(client, told, events, clock, taken_at(len(events) - 1))


def served(ledger: Ledger, client: ClickHouse, end: int) -> Client:
    log = KnownLog({(TOPIC, 3): end})
    return TestClient(create_app({}, replace(ledger, reader=lambda: client, log=log)))


@pytest.fixture
def read(ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse) -> Iterator[Client]:
    """The whole history is in."""
    keep(clickhouse, EVENTS, payout, archive)
    with served(ledger, reader, LAST + 1) as client:
        yield client


def rows(read: Client, path: str, headers: dict[str, str], **asked: Any) -> list[Any]:
    answer = read.get(path, params={"limit": 1000} | asked, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    return answer.json()["data"]


def test_what_was_known_then_is_what_would_have_been_answered_then(
    read: Client, ledger: Ledger, settings: Settings, as_role: Headers
) -> None:
    headers = as_role[Role.finance]
    by = {"group_by": ["period", "reason"]}
    now = rows(read, LINES, headers)
    statuses = {line["status"] for line in now}
    for chunks in (4, 13):
        with fresh_database(settings) as address:
            then = connect(address)
            keep(then, EVENTS[: chunks * CHUNK], payout, archive)
            asked = time_text(taken_at(chunks * CHUNK - 1))
            with served(ledger, then, chunks * CHUNK) as before:
                lines = rows(before, LINES, headers)
                assert rows(read, LINES, headers, as_of=asked) == lines != now
                assert rows(read, SUMMARY, headers, as_of=asked, **by) == rows(
                    before, SUMMARY, headers, **by
                )
            then.close()
        statuses |= {line["status"] for line in lines}
    assert statuses > {"payable", "in_review", "held", "rejected"}
    assert rows(read, LINES, headers, as_of="2026-01-01T00:00:00Z") == now
    assert rows(read, LINES, headers, as_of="2000-01-01T00:00:00Z") == []


def test_what_is_not_included_yet_is_refused_with_the_times_that_can_be_asked(
    ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse, as_role: Headers
) -> None:
    headers = as_role[Role.finance]
    keep(clickhouse, EVENTS, archive)
    keep(clickhouse, EVENTS[:100], payout)
    with served(ledger, reader, LAST + 1) as behind:
        late = behind.get(LINES, params={"as_of": time_text(taken_at(LAST))}, headers=headers)
        assert (late.status_code, late.json()["code"]) == (503, "as_of_not_included")
        latest = late.json()["latest_as_of"]
        assert latest == time_text(taken_at(99) - 1)
        assert rows(behind, LINES, headers, as_of=latest)
    with served(ledger, reader, LAST + 2) as behind:  # one more on Kafka, taken nobody knows when
        late = behind.get(LINES, params={"as_of": "2026-01-01T00:00:00Z"}, headers=headers)
        assert late.status_code == 503


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        (LINES, {"as_of": "2999-01-01T00:00:00Z"}, "as_of"),
        (SUMMARY, {"as_of": "yesterday"}, "as_of"),
        ("/v1/alerts", {"as_of": "2026-01-01T00:00:00Z"}, "as_of"),
        ("/v1/utilization", {"as_of": "2026-01-01T00:00:00Z"}, "as_of"),
        (LINES, {"expertid": "ana"}, "expertid"),
    ],
)
def test_what_no_history_is_kept_of_and_what_is_misspelt_is_refused(
    ledger: Ledger, reader: ClickHouse, as_role: Headers,
    path: str, asked: dict[str, str], field: str,
) -> None:  # fmt: skip
    with served(ledger, reader, 0) as read:
        answer = read.get(path, params=asked, headers=as_role[Role.auditor])
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_as_of_tells_the_instant_that_was_asked(read: Client, as_role: Headers) -> None:
    at = now_us() - 8_000_000
    for text in map(time_text, (at, at + 1_000_000)):
        told = read.get(LINES, params={"as_of": text}, headers=as_role[Role.finance]).json()
        assert told["as_of"]["asked"] == text
