"""Questions at a look: what the views answer, ending where the look does, and each made once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from api.reads.answers import Answers, Told
from projections.archive import archive
from projections.fraud.fold import fraud
from projections.looks import Look, Looks, Reached, look
from projections.payout.fold import payout
from projections.payout.views import CLOCK
from projections.utilization.fold import utilization
from tests.infra.kept_histories import history, keep
from tests.integration.workers import rows, until

EVENTS = history(7)[:200]
READ_BY_THE_API = (
    "payout_lines", "fraud_alerts", "utilization_hours", "utilization_overlap_free",
    "opened_projects", "declared_availability", "events",
)  # fmt: skip


def at(look: Look, client: Client, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in look.bind(sql).rows(client)]


@pytest.mark.stack
def test_a_look_answers_what_the_views_answer_and_ends_where_it_was_taken(
    clickhouse: Client,
) -> None:
    keep(clickhouse, EVENTS[:100], payout, fraud, utilization, archive)
    looks = Looks(lambda: clickhouse, shared_s=60.0)
    before = looks()
    answers: dict[str, Any] = {}
    for name in READ_BY_THE_API:
        columns = [column for (column, *_) in rows(clickhouse, f"DESCRIBE TABLE {name}")]
        # Whether a column has a dictionary is seen in no format of an answer.
        kinds = ", ".join(
            f"replaceOne(toTypeName({c}), 'LowCardinality(String)', 'String')" for c in columns
        )
        told = ", ".join(f"{name}.{column}" for column in columns)
        for asked in (f"{told} FROM {name} ORDER BY ALL", f"{kinds} FROM {name} LIMIT 1"):
            answers[asked] = rows(clickhouse, f"SELECT {asked}")
            assert at(before, clickhouse, f"SELECT {asked}") == answers[asked], asked
    keep(clickhouse, EVENTS, payout, fraud, utilization, archive)
    assert looks() is before
    after = looks.now()
    assert looks() is after
    for asked, answer in answers.items():
        assert at(before, clickhouse, f"SELECT {asked}") == answer, asked
    lines = next(f"SELECT {asked}" for asked in answers if "FROM payout_lines ORDER" in asked)
    assert at(after, clickhouse, lines) == rows(clickhouse, lines)
    assert len(at(after, clickhouse, lines)) > len(at(before, clickhouse, lines)) > 0
    assert look(clickhouse) == after
    assert before.digest(["payout"]) != after.digest(["payout"])


@pytest.mark.stack
def test_a_look_is_renewed_beside_the_questions_and_waited_for_only_when_it_is_old(
    clickhouse: Client,
) -> None:
    seconds, asked, go = [100.0], list[float](), threading.Event()

    def client() -> Client:
        asked.append(seconds[0])
        if len(asked) == 2:
            go.wait(30)
        return clickhouse

    looks = Looks(client, shared_s=1.0, clock_s=lambda: seconds[0])
    first = looks()
    seconds[0] = 101.0
    assert looks() is first
    assert asked == [100.0]
    seconds[0] = 101.5
    assert [looks() is first for _ in range(3)] == [True] * 3  # one renewal, which is under way
    go.set()
    until(lambda: looks() is not first)
    assert asked == [100.0, 101.5]
    seconds[0] = 103.6
    looks()
    assert asked == [100.0, 101.5, 103.6]


@pytest.mark.stack
def test_a_look_that_cannot_be_renewed_is_told_to_who_asks_when_it_is_too_old(
    clickhouse: Client, caplog: pytest.LogCaptureFixture
) -> None:
    seconds, clients = [100.0], iter([clickhouse])
    looks = Looks(lambda: next(clients), shared_s=1.0, clock_s=lambda: seconds[0])
    first = looks()
    seconds[0] = 101.5
    assert looks() is first
    until(lambda: "a look at the progress failed" in caplog.text)
    seconds[0] = 102.1
    with pytest.raises(StopIteration):
        looks()


def test_a_digest_changes_with_the_topics_that_are_asked_for_alone() -> None:
    def digest(experts: int, audit: int, *topics: str) -> str:
        places = {"workforce.experts": experts, "workforce.audit": audit}
        reached = [Reached(topic, 0, offset, 0, 0, 1) for topic, offset in places.items()]
        return Look({}, {"archive": reached}).digest(["archive"], topics or None)

    assert digest(1, 1) != digest(1, 2)
    assert digest(1, 1, "workforce.experts") == digest(1, 2, "workforce.experts")
    assert digest(1, 1, "workforce.experts") != digest(2, 1, "workforce.experts")


@pytest.mark.stack
def test_a_look_tells_views_the_time_that_they_would_ask_for(clickhouse: Client) -> None:
    keep(clickhouse, EVENTS, payout, utilization)
    for view in ("payout_lines", "utilization_by_day"):
        bound = look(clickhouse).bind(f"SELECT * FROM {view}")
        assert "watermarks" not in bound.sql
    [[clock]] = rows(clickhouse, f"SELECT toUnixTimestamp64Micro({CLOCK})")
    bound = look(clickhouse).bind("SELECT * FROM payout_lines")
    assert bound.given["clock_payout_workforce_experts"] == clock > 0


def test_who_asks_the_same_at_once_waits_for_one_answer() -> None:
    answers, made, go = Answers(), list[int](), threading.Event()

    def make() -> Told:
        go.wait(5)
        made.append(1)
        return Told({"data": [1]}, ("ines",))

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(answers.get, "etag", make) for _ in range(4)]
        go.set()
        told = {one.result() for one in asked}
    assert told == {(b'{"data":[1]}', ("ines",))}
    assert made == [1]


def test_an_answer_that_fails_is_raised_and_not_kept() -> None:
    answers = Answers()

    def fail() -> Told:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        answers.get("etag", fail)
    assert answers.get("etag", lambda: Told({"n": 1})).json == b'{"n":1}'


def test_the_answers_that_nobody_asked_for_longest_make_room() -> None:
    answers, made = Answers(bytes_max=20), list[str]()

    def get(name: str) -> None:
        answers.get(name, lambda: made.append(name) or Told({"n": 123}))

    for name in ("a", "b", "a", "c", "a", "b"):
        get(name)
    assert made == ["a", "b", "c", "b"]
