"""The stream of alerts: each change once, from where a client had come to, and none for ever."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple, cast

import httpx
import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from litestar import Litestar
from litestar.testing import TestClient

from api.access.roles import Role
from api.app import Ledger, create_app
from api.reads.live import Live, Streams
from projections.fraud.fold import fraud
from projections.looks import Looks
from tests.api.serving import serving
from tests.infra.kept_histories import keep_told
from tests.projections.histories import History, Told
from tests.projections.payout_events import about, at, entry, hired

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
STREAM = "/v1/alerts/stream"
LIFE_S = 0.6
FIRST = [
    hired(), entry(0, 2, "a"), entry(1, 3, "b"),  # raised
    entry(24, 26, "c"), entry(25, 27, "d"),  # raised
    entry(2, 4, "e"),  # updated
    about("TimeEntryRejected", "d"),  # withdrawn
]  # fmt: skip
SECOND: list[Told] = [
    (name, fields | {"subject_id": "expert-2"})
    for name, fields in (hired(), entry(5, 7, "x"), entry(6, 8, "y"))
]


class Sent(NamedTuple):
    """An event of a stream."""

    id: str
    event: str
    data: dict[str, Any]


def sent(answer: Any) -> list[Sent]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    found: list[Sent] = []
    for block in answer.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":")
                     and line)  # fmt: skip
        if "data" in lines:
            found.append(Sent(lines["id"], lines["event"], json.loads(lines["data"])))
    return found


Asking = Callable[..., Any]


@pytest.fixture
def read(ledger: Ledger, reader: ClickHouse) -> Iterator[Client]:
    live = Live(streams_max=2, poll_s=0.05, heartbeat_s=0.2, life_s=LIFE_S)
    with TestClient(create_app({}, replace(ledger, reader=lambda: reader, live=live))) as client:
        yield client


@pytest.fixture
def stream(read: Client, as_role: Headers) -> Asking:
    def ask(last_id: str = "", **asked: str) -> Any:
        more = {"Last-Event-ID": last_id} if last_id else {}
        return read.get(STREAM, params=asked, headers=as_role[Role.trust_and_safety] | more)

    return ask


def keep(client: ClickHouse, events: list[Told], partition: int) -> None:
    keep_told(client, History(fraud).tell(*events), events, at(100), partition=partition)


def test_each_id_replays_exactly_what_came_after_it(stream: Asking, clickhouse: ClickHouse) -> None:
    assert sent(stream()) == []
    keep(clickhouse, FIRST, 5)
    told = sent(stream("start"))
    changes = [one.event for one in told]
    assert changes.count("raised") == 2
    assert {"raised", "updated", "withdrawn"} == set(changes)
    assert [one.data["offset"] for one in told] == sorted(one.data["offset"] for one in told)
    for place, one in enumerate(told):
        assert sent(stream(one.id)) == told[place + 1 :]
    # Another partition, whose offsets begin below those that were told.
    keep(clickhouse, SECOND, 2)
    [late] = sent(stream(told[-1].id))
    assert (late.event, late.data["expert_id"]) == ("raised", "expert-2")
    missed = sent(stream(told[0].id))
    assert len({(m.data["partition"], m.data["offset"], m.data["number"]) for m in missed}) == len(
        missed
    )
    assert len(missed) == len(told)  # all but the first, and the late one
    assert sent(stream(late.id)) == []


def test_a_stream_without_an_id_begins_now_and_can_be_taken_up_before_anything_came(
    stream: Asking, clickhouse: ClickHouse
) -> None:
    keep(clickhouse, FIRST, 5)
    quiet = stream()
    assert sent(quiet) == []
    first = quiet.text.split("\n\n")[0]
    keep(clickhouse, SECOND, 2)
    [late] = sent(stream(first.split("id: ")[1]))
    assert late.data["expert_id"] == "expert-2"


def test_a_stream_beats_ends_its_life_and_says_when_to_come_again(
    ledger: Ledger, reader: ClickHouse, as_role: Headers
) -> None:
    live = Live(poll_s=0.05, heartbeat_s=0.2, life_s=2.0)  # for two beats on a busy machine too
    app = create_app({}, replace(ledger, reader=lambda: reader, live=live))
    with TestClient(app) as client:
        began = time.monotonic()
        answer = client.get(STREAM, headers=as_role[Role.trust_and_safety])
        assert live.life_s <= time.monotonic() - began < 10 * live.life_s
    assert answer.text.count(": heartbeat") >= 2
    assert answer.text.endswith("retry: 1000\n\n")


def test_a_stream_has_the_filters_of_the_list(stream: Asking, clickhouse: ClickHouse) -> None:
    keep(clickhouse, FIRST, 5)
    everything = sent(stream("start"))
    [withdrawn] = sent(stream("start", status="withdrawn"))
    assert withdrawn.event == "withdrawn"
    assert withdrawn.data["severity"]
    assert sent(stream("start", detector="nothing")) == sent(stream("start", mode="shadow")) == []
    assert [one.data for one in sent(stream("start", expert_id="expert-1"))] == [
        one.data for one in everything
    ]


def test_too_many_streams_are_refused_and_each_that_ends_makes_room() -> None:
    streams = Streams(Live(streams_max=1))
    leave = streams.enter()
    with pytest.raises(Exception, match="1 streams are open") as refused:
        streams.enter()
    assert getattr(refused.value, "status_code", 0) == 503
    leave()
    leave()
    again = streams.enter()
    with pytest.raises(Exception, match="1 streams are open"):
        streams.enter()
    again()
    unread: Any = streams.open(None, None, {}, {})  # type: ignore[arg-type]
    del unread  # a client that is gone before the first line
    streams.enter()


class Counted:
    """A client of ClickHouse that counts what it is asked of alerts; the first time it may fail."""

    def __init__(self, client: ClickHouse, fails: int = 0) -> None:
        self._client, self._fails, self.asked = client, fails, 0

    def query(self, sql: str, **given: Any) -> Any:
        if "FROM fraud_alert_changes)" in sql:
            self.asked += 1
            if self.asked <= self._fails:
                raise OSError("not now")
        return cast(Any, self._client).query(sql, **given)


async def streamed(streams: Streams, client: Any, filters: dict[str, str | None]) -> bytes:
    """What a stream says from the start to the end of its life."""
    told = streams.open(client, Looks(lambda: client), filters, {})
    return b"".join([part async for part in told])


def test_streams_that_have_come_to_the_same_place_ask_once(
    reader: ClickHouse, clickhouse: ClickHouse
) -> None:
    keep(clickhouse, FIRST, 5)
    client = Counted(reader)
    everything: dict[str, str | None] = {"status": None}
    streams = Streams(Live(poll_s=0.05, life_s=1.5))

    async def at_once() -> list[bytes]:
        filters = [everything] * 4 + [{"status": "open"}]
        return await asyncio.gather(*(streamed(streams, client, chosen) for chosen in filters))

    told = asyncio.run(at_once())
    assert told[0].count(b"event: raised") == 2
    assert told[:4] == [told[0]] * 4
    assert told[4].count(b"event: withdrawn") == 0
    assert client.asked == 2


def test_a_question_that_failed_is_asked_again_by_who_comes_next(
    reader: ClickHouse, clickhouse: ClickHouse
) -> None:
    keep(clickhouse, FIRST, 5)
    client = Counted(reader, fails=1)
    streams = Streams(Live(poll_s=0.05, life_s=0.5))

    async def one_after_the_other() -> list[bytes]:
        return [await streamed(streams, client, {}) for _ in range(2)]

    failed, told = asyncio.run(one_after_the_other())
    assert b"event:" not in failed
    assert told.count(b"event: raised") == 2


def test_a_client_that_goes_away_makes_room_for_another(
    ledger: Ledger, reader: ClickHouse, as_role: Headers
) -> None:
    """Over a socket: the server has to notice that it ends, long before the life of a stream."""
    live = Live(streams_max=1, poll_s=0.05, heartbeat_s=0.1, life_s=60.0)
    app = create_app({}, replace(ledger, reader=lambda: reader, live=live))
    headers = as_role[Role.trust_and_safety]
    with serving(app) as address, httpx.Client(base_url=f"http://{address}") as first:
        with first.stream("GET", STREAM, headers=headers) as answer:
            lines = answer.iter_lines()  # the client closes the connection with its iterator
            assert next(lines).startswith("retry:")
            assert first.get(STREAM, headers=headers).status_code == 503
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with first.stream("GET", STREAM, headers=headers) as answer:
                if answer.status_code == 200:
                    break
            time.sleep(0.1)
        assert answer.status_code == 200


def test_who_may_not_read_alerts_gets_no_stream_and_a_wrong_id_is_named(
    read: Client, as_role: Headers, stream: Asking
) -> None:
    for role in (Role.expert, Role.finance, Role.ingest):
        assert read.get(STREAM, headers=as_role[role]).status_code == 403
    assert read.get(STREAM).status_code == 401
    for wrong in ("17", "workforce.experts/3/x/0", "a/1/2/b"):
        answer = stream(wrong)
        assert (answer.status_code, answer.json()["field"]) == (400, "Last-Event-ID")
    assert stream(expertid="ana").status_code == 400
