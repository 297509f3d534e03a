"""A projection is rebuilt beside the live one, compared, swapped in, rolled back and dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from kafka import TopicPartition  # pyright: ignore  (the checker's stubs are of an older one)

from infra.importing.run import publish_events
from infra.settings import Settings
from projections.payout.fold import payout
from projections.store.generations import pointer_of
from streams import kafka_clients
from streams.offsets import log_reader
from streams.publisher import Publisher
from tests.commands import run_workledger
from tests.integration.workers import LEDGER, VERIFY, catch_up, rows, running
from tests.two_weeks import history

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(400)]
EVENTS = list(history())
LINES = "SELECT count(), sum(amount_minor), sum(cityHash64(*)) FROM payout_lines"


@dataclass
class Ledger:
    """A stack whose workers run, with half of the history in."""

    settings: Settings
    client: Client
    folder: Path

    def tell(self, events: Sequence[Any]) -> None:
        with Publisher(self.settings.bootstrap_servers) as publisher:
            publish_events(events, publisher)
        catch_up(self.client, self.settings, self.folder, *LEDGER)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        return run_workledger(self.settings, *arguments)


@pytest.fixture
def ledger(own: Settings, clickhouse: Client, tmp_path: Path) -> Iterator[Ledger]:
    with Publisher(own.bootstrap_servers) as publisher:
        publisher.send("workforce.experts", b"nobody", b"no event")
    with running(own, tmp_path, *LEDGER):
        made = Ledger(own, clickhouse, tmp_path)
        made.tell(EVENTS[: len(EVENTS) // 2])
        yield made


def test_a_rebuild_is_compared_swapped_in_rolled_back_dropped_and_told_apart(
    ledger: Ledger,
) -> None:
    swap_roll_back_and_drop(ledger)
    show_what_differs(ledger)
    rebuild_agents_in_silence(ledger)
    rebuild_what_kafka_no_longer_holds(ledger)
    ledger.tell(EVENTS[:50])  # again: duplicates, which prove that the workers go on
    code, _, told = ledger.run(*VERIFY)
    assert code == 0, told


def swap_roll_back_and_drop(ledger: Ledger) -> None:
    before = rows(ledger.client, LINES)
    code, output, told = ledger.run("rebuild", "payout", "--json")
    assert code == 0, told
    report = json.loads(output)
    assert report["is_swapped"]
    differing = {d["table"]: d["only_live"] + d["only_new"] for d in report["differences"]}
    assert differing == dict.fromkeys(
        (
            "payout_lines_opened",
            "payout_lines_closed",
            "payout_approvals",
            "payout_hold_changes",
            "payout_without_effect",
            "payout_journal",
            "repeats",
            "dead_letters",
            "applied",
            "identities",
            "state",
        ),
        0,
    )
    assert rows(ledger.client, LINES) == before
    assert pointer_of(ledger.client, payout).generation == 2

    ledger.tell(EVENTS[len(EVENTS) // 2 :])
    after = rows(ledger.client, LINES)
    assert after != before
    code, _, told = ledger.run("rebuild", "payout", "--drop", "2")
    assert (code, told.strip()) == (1, "Generation 2 of payout is live.")
    assert ledger.run("rebuild", "payout", "--roll-back")[0] == 0
    ledger.tell(EVENTS[:10])
    assert rows(ledger.client, LINES) == after
    assert ledger.run("rebuild", "payout", "--drop", "2")[0] == 0
    assert rows(ledger.client, LINES) == after


def show_what_differs(ledger: Ledger) -> None:
    ledger.client.command(
        "INSERT INTO payout_lines_opened_g1 SELECT * REPLACE (amount_minor + 1 AS amount_minor) "
        "FROM payout_lines_opened_g1 FINAL WHERE status = 'payable' ORDER BY offset LIMIT 1"
    )
    code, output, told = ledger.run("rebuild", "payout")
    assert code == 1
    assert "payout_lines" in output
    assert "payout_lines_opened, only in generation 1: {'line_id'" in told
    assert "generation 1 stays live" in told
    assert pointer_of(ledger.client, payout).generation == 1
    assert "Resuming generation 2" in ledger.run("rebuild", "payout", "--compare-only")[2]
    assert ledger.run("rebuild", "payout", "--accept")[0] == 0
    assert pointer_of(ledger.client, payout).generation == 2


def rebuild_agents_in_silence(ledger: Ledger) -> None:
    events = "SELECT count(), (SELECT count() FROM repeats) FROM events"
    before = rows(ledger.client, events)
    code, _, told = ledger.run("rebuild", "agents")
    assert code == 0, told
    catch_up(ledger.client, ledger.settings, ledger.folder, *LEDGER)
    assert rows(ledger.client, events) == before


def rebuild_what_kafka_no_longer_holds(ledger: Ledger) -> None:
    with log_reader(ledger.settings.bootstrap_servers) as log:
        held = [at for at in log.offsets("workforce.experts") if at.end > 1]
    admin = kafka_clients.admin(bootstrap_servers=ledger.settings.bootstrap_servers)
    admin.delete_records({TopicPartition(at.topic, at.partition): at.end - 1 for at in held})
    admin.close()
    code, output, told = ledger.run("rebuild", "payout", "--compare-only", "--json")
    assert code == 0, told
    compared = {d["table"]: d["rows"] for d in json.loads(output)["differences"]}
    assert compared["payout_lines_opened"] > len(held)
    assert compared["repeats"] > 0
    assert compared["dead_letters"] == 1
