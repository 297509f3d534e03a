"""The life of an event as `workledger trace` tells it, from real workers' rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from projections.registry import PROJECTIONS
from schemas.identity import uuid_text
from schemas.partitioning import partition_of
from schemas.wire import decode
from tests.integration.test_bad_input import START, TOPIC, Log
from tests.integration.workers import LEDGER, catch_up, running, until, workledger

pytestmark = pytest.mark.stack
HOME = partition_of(b"ana")
ASTRAY = (HOME + 1) % 12
UNKNOWN_ID = "019b2f6e-8a40-7c15-9d2e-000000000000"


def id_of(value: bytes) -> str:
    return uuid_text(decode(value)[1]["event_id"])


def trace(settings: Settings, named: str) -> dict[str, Any]:
    answer = workledger(settings, "trace", named, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def verdicts(delivery: dict[str, Any]) -> dict[str, str]:
    told = {one["projection"]: one["verdict"] for one in delivery["projections"]}
    return {name: told[name] for name in LEDGER}


def outcome(delivery: dict[str, Any], projection: str) -> dict[str, Any]:
    return next(one for one in delivery["projections"] if one["projection"] == projection)


def test_an_event_is_followed_from_the_world_to_the_rows_it_made(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    log = Log()
    log.put(log.event("ExpertHired"))
    log.put(log.event("ProjectStaffed", project_id="p"))
    log.put(log.event("TermsAccepted", project_id="p"))
    log.put(log.event("RateAgreed", project_id="p", effective_from=START))
    entry = log.entry(recorded_at=START + 1_500_000)
    entry_id = decode(entry)[1]["event_id"]
    log.put(entry)
    log.put(entry)
    caused = log.event("BonusGranted", causation_id=entry_id)
    log.put(caused)
    log.put(log.entry(event_id=entry_id))  # the same id, other content
    astray = log.entry()
    log.put(astray, partition=ASTRAY)
    log.put(b"this is not Avro", partition=ASTRAY)
    opened = log.event("ProjectOpened", subject="p")
    log.write(own.bootstrap_servers)

    with running(own, tmp_path, *LEDGER) as workers:
        catch_up(clickhouse, own, tmp_path, *LEDGER)

        told = trace(own, id_of(entry))
        first, again, other = told["deliveries"]
        assert [one["address"] for one in told["deliveries"]] == [
            f"{TOPIC}/{HOME}/{offset}" for offset in (4, 5, 7)
        ]
        assert (first["event_type"], first["version"]) == ("TimeEntryRecorded", 1)
        assert first["delays_us"]["from_occurred_to_recorded"] == 1_500_000
        assert first["delays_us"]["from_recorded_to_appended"] > 0
        assert verdicts(first) == dict.fromkeys(LEDGER, "applied")
        rows = outcome(first, "payout")["rows"]
        assert [(row["status"], row["expert_id"]) for row in rows["payout_lines_opened"]] == [
            ("payable", "ana")
        ]
        assert sum(row["amount_minor"] for row in rows["payout_journal"]) == 0
        assert len(outcome(first, "archive")["rows"]["events"]) == 1
        assert verdicts(again) == dict.fromkeys(LEDGER, "duplicate")
        assert outcome(again, "payout")["first_offset"] == 4
        assert again["event"] == first["event"]  # read from Kafka: nothing keeps a duplicate
        assert verdicts(other) == dict.fromkeys(LEDGER, "conflict")
        by_id = {one["event_id"]: one for one in told["caused"]}
        assert by_id.pop(id_of(caused))["address"] == f"{TOPIC}/{HOME}/6"
        assert [one["event_type"] for one in by_id.values()] == ["BilledEntryForwarded"]
        assert told["cause"] is None

        effect = trace(own, f"{TOPIC}/{HOME}/6")  # an address names it as well
        assert effect["event_id"] == id_of(caused)
        assert effect["cause"]["address"] == f"{TOPIC}/{HOME}/4"
        payout = outcome(effect["deliveries"][0], "payout")
        assert (payout["verdict"], payout["reason"]) == (
            "applied",
            "none of its rules reads this event",
        )

        [letter] = trace(own, id_of(astray))["deliveries"]
        assert verdicts(letter) == dict.fromkeys(LEDGER, "dead letter")
        assert f"it lies in partition {ASTRAY}" in outcome(letter, "payout")["reason"]
        bytes_alone = trace(own, f"{TOPIC}/{ASTRAY}/1")
        assert bytes_alone["event_id"] is None
        assert verdicts(bytes_alone["deliveries"][0])["payout"] == "dead letter"

        workers["payout"].terminate()
        late = Log()
        late.count, late.entries = log.count, log.entries
        new = late.entry()
        late.put(new)
        late.put(opened, b"p", partition_of(b"p"))
        late.records[-1] = ("workforce.projects", *late.records[-1][1:])
        late.write(own.bootstrap_servers)
        until(lambda: workledger(own, "trace", id_of(new)).returncode == 0)
        behind = outcome(trace(own, id_of(new))["deliveries"][0], "payout")
        assert (behind["verdict"], behind["watermark"], behind["lag_events"]) == ("not yet", 7, 1)
        until(lambda: workledger(own, "trace", id_of(opened)).returncode == 0)
        [project] = trace(own, id_of(opened))["deliveries"]
        assert verdicts(project)["payout"] == "not read"

    shown = workledger(own, "trace", id_of(entry)).stdout
    for words in (
        "received",
        "+1.500 s",
        "payout_lines_opened",
        "status=payable",
        "duplicate",
        "BonusGranted",
    ):
        assert words in shown


def test_an_event_that_is_nowhere_is_said_with_where_was_looked_and_how_fresh_that_is(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    log = Log()
    hired = log.event("ExpertHired")
    log.put(hired)
    log.write(own.bootstrap_servers)
    names = f"{', '.join([*PROJECTIONS][:-1])} and {[*PROJECTIONS][-1]}"
    for named in (UNKNOWN_ID, id_of(hired), f"{TOPIC}/{HOME}/1"):
        answer = workledger(own, "trace", named)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert f"{names} applied, repeats or dead letters" in answer.stderr
        assert "archive includes 0 events up to never and is 1 behind Kafka" in answer.stderr
    on_kafka = trace(own, f"{TOPIC}/{HOME}/0")  # no projection has it yet
    assert on_kafka["event_id"] == id_of(hired)
    assert verdicts(on_kafka["deliveries"][0]) == dict.fromkeys(LEDGER, "not yet")
    assert workledger(own, "trace", "nonsense").returncode == 2
