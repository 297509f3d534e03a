"""Dead letters replayed: events by today's code are applied once, the others say why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from infra.verify.checks import Verifier
from projections.registry import PROJECTIONS
from schemas.partitioning import partition_of
from streams import kafka_clients
from streams.offsets import log_reader
from streams.topics import EVENT_TOPICS
from tests.integration.test_bad_input import START, TOPIC, TYPES, Log
from tests.integration.workers import catch_up, rows, running, workledger

pytestmark = pytest.mark.stack
HOME = partition_of(b"ana")
ASTRAY = (HOME + 1) % 12
UNKNOWN = "BonusGranted"
EARLIER_PROGRAM = (
    "-c",
    f"""
from schemas.catalogue import Catalogue, catalogue, use_catalogue
known = dict(catalogue().by_id)
del known[{TYPES[UNKNOWN].schema_id}]
use_catalogue(Catalogue(catalogue().by_name, known))
from infra.cli.main import main
main()
""",
)
"""The program before an event's schema was shipped."""


def replay(settings: Settings, *arguments: str) -> dict[str, Any]:
    answer = workledger(settings, "deadletters", "replay", *arguments, "--json")
    assert answer.stdout, answer.stderr
    told = json.loads(answer.stdout)
    assert answer.returncode == ("still refused" in told["verdicts"]), answer.stderr
    return told


def events_on_kafka(settings: Settings) -> int:
    with log_reader(settings.bootstrap_servers) as log:
        return sum(p.end for topic in EVENT_TOPICS for p in log.offsets(topic.name))


def write_letters(log: Log, settings: Settings) -> bytes:
    """Four good events of an expert, and six records that are refused; the one astray."""
    log.put(log.event("ExpertHired"))
    log.put(log.event("ProjectStaffed", project_id="p"))
    log.put(log.event("TermsAccepted", project_id="p"))
    log.put(log.event("RateAgreed", project_id="p", effective_from=START))
    astray = log.entry()
    log.put(log.event(UNKNOWN))
    log.put(astray, partition=ASTRAY)
    log.put(log.event("ProjectOpened", subject="p"), b"p", partition_of(b"p"))
    log.put(log.entry(ended_at=START))
    log.put(b"this is not Avro")
    log.put(None)
    log.write(settings.bootstrap_servers)
    return astray


def test_letters_that_are_events_by_now_are_applied_once_and_the_others_say_why_not(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    astray = write_letters(Log(), own)
    with running(own, tmp_path, program=EARLIER_PROGRAM):
        catch_up(clickhouse, own, tmp_path)

    before = events_on_kafka(own)
    told = replay(own, "--all", "--dry-run")
    assert told["verdicts"] == {"would be applied": 3, "still refused": 3}
    assert told["published"] == 0
    reasons = [one["reason"] for one in told["letters"] if one["verdict"] == "still refused"]
    assert len(reasons) == 3
    for words in ("the end must lie after the start", "Confluent wire format", "value is empty"):
        assert any(words in reason for reason in reasons)
    assert events_on_kafka(own) == before  # a dry run publishes nothing

    with running(own, tmp_path):
        assert replay(own, f"{TOPIC}/{ASTRAY}/0", "--yes")["published"] == 1
        catch_up(clickhouse, own, tmp_path)
        assert rows(clickhouse, "SELECT status, count() FROM payout_lines GROUP BY status") == [
            ("payable", 1)
        ]
        told = replay(own, "--all", "--yes")
        assert told["published"] == 2  # the one astray was known again
        catch_up(clickhouse, own, tmp_path)
        told = replay(own, "--all", "--yes")
        assert told["verdicts"] == {"applied already": 3, "still refused": 3}
        assert told["published"] == 0

        publish_as_is(own, astray)
        catch_up(clickhouse, own, tmp_path)
        astray_before = f"event_type IN ('{UNKNOWN}', 'ProjectOpened')"
        counts = f"SELECT event_type, count() FROM events WHERE {astray_before} GROUP BY ALL"
        assert dict(rows(clickhouse, counts)) == {UNKNOWN: 1, "ProjectOpened": 1}
        assert rows(clickhouse, "SELECT count() FROM payout_lines") == [(1,)]
        assert rows(clickhouse, "SELECT projection, verdict FROM repeats ORDER BY projection") == [
            (name, "duplicate") for name in sorted(PROJECTIONS)
        ]
        with log_reader(own.bootstrap_servers) as reader:
            outcomes = Verifier(clickhouse, reader.offsets, reader.exists).run()
        assert [outcome for outcome in outcomes if outcome.differences] == []

    listed = json.loads(workledger(own, "deadletters", "list", "--json").stdout)
    assert (
        sorted(letter["now"] for letter in listed["letters"]) == ["replayed"] * 3 + ["waiting"] * 3
    )
    assert {one["cause"]: one["letters"] for one in listed["causes"]} == {
        "address": 2,
        "rule": 1,
        "undecodable": 3,
    }
    shown = workledger(own, "deadletters", "list").stdout
    assert f"{TOPIC}/{ASTRAY}/0" in shown
    assert "replayed" in shown


def test_an_event_id_that_was_applied_with_other_content_is_not_replayed(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    log, other = Log(), Log()
    log.put(log.event("ExpertHired", country="PT"))
    log.put(other.event("ExpertHired", country="ES"), partition=ASTRAY)  # the same id
    log.write(own.bootstrap_servers)
    with running(own, tmp_path):
        catch_up(clickhouse, own, tmp_path)
    told = replay(own, "--cause", "address", "--yes")
    assert told["published"] == 0
    [letter] = told["letters"]
    assert letter["reason"] == f"its event id was applied at {TOPIC}/{HOME}/0 with other content"


def publish_as_is(settings: Settings, value: bytes) -> None:
    producer = kafka_clients.producer(bootstrap_servers=settings.bootstrap_servers, acks="all")
    producer.send(TOPIC, key=b"ana", value=value, partition=HOME).get(10)
    producer.close()


def test_a_replay_that_does_not_say_which_or_cannot_ask_is_a_wrong_call(own: Settings) -> None:
    for arguments, words in (
        ((), "Say which letters"),
        (("--all", "--topic", TOPIC), "Say which letters"),
        (("--all",), "Nobody can be asked here"),
        (("nowhere", "--yes"), "nowhere is no address"),
    ):
        answer = workledger(own, "deadletters", "replay", *arguments)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert words in answer.stderr
