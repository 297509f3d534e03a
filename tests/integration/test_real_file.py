"""The real file of medical judgements: imported, killed three times, proved, and imported again."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings, variable
from infra.stack import Stack
from infra.verify.checks import Verifier
from projections.store.client import connect
from streams.offsets import log_reader
from tests.databases import fresh_database
from tests.integration.workers import (
    WorkerProcess,
    catch_up,
    rows,
    running,
    settings_for,
    until,
)
from tests.local_stack import local_settings

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT.parent / "shared" / "data" / "medical_judgements.csv.gz"
MAPPING = ROOT / "docs" / "examples" / "medical.toml"
RATES = {"RelEx": 6000, "FactSpan": 4500}
KILLS = 3
MONEY = ("archive", "payout")
"""The agents would tell every claim of 88,963 on: another test's matter, and minutes."""
EVENTS_PER_ROUND = 4_000
"""Small rounds, so that there is something to kill between."""
pytestmark = [
    pytest.mark.stack,
    pytest.mark.long,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not FILE.exists(), reason=f"the real file {FILE.name} is not here"),
]


class Ledger(NamedTuple):
    """A broker that holds the file, and the database of the killed payout worker."""

    settings: Settings
    client: Client
    folder: Path


def run_import(settings: Settings) -> subprocess.CompletedProcess[str]:
    chosen = settings.model_dump(exclude_unset=True, mode="json")
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "import", str(FILE), "--mapping", str(MAPPING)],
        env=os.environ | {variable(k): str(v) for k, v in chosen.items() if v is not None},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def ledger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The file imported; its payout worker was killed three times while its progress moved."""
    folder = tmp_path_factory.mktemp("ledger")
    mine = local_settings(folder, clickhouse_url=stack.settings.clickhouse_http_url)
    with fresh_database(stack.settings) as address:
        settings = settings_for(mine, address, folder).model_copy(
            update={"batch_events_max": EVENTS_PER_ROUND}
        )
        broker = Stack(settings)
        broker.up()
        imported = run_import(settings)
        assert imported.returncode == 0, imported.stderr
        client = connect(address)
        with running(settings, folder, "archive"):
            kill_while_it_moves(client, settings, folder)
            with running(in_large_rounds(settings), folder, "payout"):
                catch_up(client, settings, folder, *MONEY)
        yield Ledger(settings, client, folder)
        client.close()
        broker.down()


def in_large_rounds(settings: Settings) -> Settings:
    """As a worker reads by default: where rounds begin and end changes nothing."""
    return settings.model_copy(update={"batch_events_max": Settings().batch_events_max})


def kill_while_it_moves(client: Client, settings: Settings, folder: Path) -> None:
    def progress() -> int:
        sql = "SELECT sum(offset + 1) FROM watermarks WHERE projection = 'payout'"
        return int(rows(client, sql)[0][0])

    for number in range(KILLS):
        before = progress()
        worker = WorkerProcess("payout", settings, folder / f"killed-{number}.log")
        until(lambda before=before: progress() > before)
        worker.kill()


class Page(NamedTuple):
    worker: str
    start_s: int
    end_s: int
    task_type: str


def pages_of_the_file() -> list[Page]:
    """The file read by the standard library alone: a page is worker, start and submission."""

    def seconds(text: str) -> int:
        told = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return int(told.timestamp())

    seen: dict[tuple[str, str, str], Page] = {}
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            key = (row["worker_id"], row["started_at"], row["submitted_at"])
            start, end = seconds(key[1]), seconds(key[2])
            seen.setdefault(key, Page(row["worker_id"], start, end, row["task_type"]))
    return list(seen.values())


class Paid(NamedTuple):
    payable_s: int
    overlap_s: int
    payable_minor: int


def plain_computation() -> Paid:
    """Second by second: a second belongs to the first page that has it; a run of them is a line."""
    taken: dict[str, set[int]] = {}
    payable_s = overlap_s = payable_minor = 0
    for page in pages_of_the_file():
        mine = taken.setdefault(page.worker, set())
        run = 0
        for second in range(page.start_s, page.end_s + 1):
            if second < page.end_s and second not in mine:
                mine.add(second)
                run += 1
                continue
            if second < page.end_s:
                overlap_s += 1
            # Half away from zero, once a line: cents are seconds × cents an hour / 3,600.
            payable_minor += int(run * RATES[page.task_type] / 3_600 + 0.5)
            payable_s += run
            run = 0
    return Paid(payable_s, overlap_s, payable_minor)


def test_every_page_is_one_entry_and_no_time_is_lost(ledger: Ledger) -> None:
    [(entries, duration_ms)] = rows(
        ledger.client, "SELECT uniqExact(expert_id, entry_id), sum(duration_ms) FROM payout_lines"
    )
    assert entries == 88_958
    assert round(duration_ms / 3_600_000, 2) == 886.13


def test_hours_and_money_equal_a_plain_computation(ledger: Ledger) -> None:
    found = rows(
        ledger.client,
        "SELECT sumIf(duration_ms, status = 'payable'), sumIf(duration_ms, reason = 'overlap'), "
        "sumIf(amount_minor, status = 'payable') FROM payout_lines",
    )
    expected = plain_computation()
    assert found == [(expected.payable_s * 1000, expected.overlap_s * 1000, expected.payable_minor)]


def test_every_line_is_payable_or_waits_for_an_overlap(ledger: Ledger) -> None:
    kinds = rows(ledger.client, "SELECT DISTINCT status, reason FROM payout_lines ORDER BY status")
    assert kinds == [("payable", ""), ("waiting", "overlap")]


def test_every_judgement_is_a_task_published_claimed_and_submitted(ledger: Ledger) -> None:
    counted = rows(
        ledger.client,
        "SELECT event_type, count() FROM events WHERE topic = 'workforce.tasks' GROUP BY ALL "
        "ORDER BY event_type",
    )
    assert counted == [(name, 88_963) for name in ("TaskClaimed", "TaskPublished", "TaskSubmitted")]


def test_verify_finds_no_difference(ledger: Ledger) -> None:
    with log_reader(ledger.settings.bootstrap_servers) as log:
        outcomes = Verifier(ledger.client, log.offsets, log.exists, MONEY).run()
    assert [outcome for outcome in outcomes if outcome.differences] == []


TABLES = ("payout_lines_opened_g1", "payout_journal_g1", "payout_state_g1", "payout_repeats_g1")


def test_a_worker_killed_three_times_leaves_what_an_undisturbed_one_leaves(
    ledger: Ledger, stack: Stack, tmp_path: Path
) -> None:
    with fresh_database(stack.settings) as address:
        settings = settings_for(ledger.settings, address, tmp_path)
        client = connect(address)
        with running(in_large_rounds(settings), tmp_path, "payout"):
            until(lambda: progress_of(client) == progress_of(ledger.client))
        for table in TABLES:
            for one, other in ((ledger.settings, settings), (settings, ledger.settings)):
                differing = rows(
                    client,
                    f"SELECT * FROM (SELECT * FROM {one.clickhouse_database}.{table} FINAL "
                    f"EXCEPT SELECT * FROM {other.clickhouse_database}.{table} FINAL) LIMIT 3",
                )
                assert differing == [], f"{table} of {one.clickhouse_database}"
        client.close()


def progress_of(client: Client) -> list[tuple[object, ...]]:
    return rows(
        client,
        "SELECT partition, offset FROM watermarks WHERE projection = 'payout' ORDER BY partition",
    )


def test_the_file_imported_again_changes_no_projection(ledger: Ledger) -> None:
    def told() -> list[tuple[object, ...]]:
        return rows(
            ledger.client,
            "SELECT (SELECT (count(), sum(cityHash64(* EXCEPT (offset, number)))) FROM "
            "payout_lines), (SELECT (count(), sum(amount_minor)) FROM payout_journal), "
            "(SELECT count() FROM events)",
        )

    before = told()
    assert run_import(ledger.settings).returncode == 0
    with running(ledger.settings, ledger.folder, *MONEY):
        catch_up(ledger.client, ledger.settings, ledger.folder, *MONEY)
    assert told() == before
    repeats = rows(
        ledger.client, "SELECT projection, verdict, count() FROM repeats GROUP BY ALL ORDER BY 1"
    )
    assert repeats == [("archive", "duplicate", 359_639), ("payout", "duplicate", 92_748)]
