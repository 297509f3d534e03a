"""Alerts on the real broker: every example and a simulated marketplace, through a kill -9."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from infra.simulation.output import write_labels
from infra.simulation.run import Simulation
from infra.verify.fraud import alerts
from streams.publisher import Publisher
from tests.integration.workers import WorkerProcess, catch_up, rows, running, until, workledger
from tests.projections.histories import value_of
from tests.projections.test_fraud import EXAMPLES, Example

pytestmark = pytest.mark.stack
EXPERTS, WEEKS, SEED = 8, 1, 3
READERS = ("archive", "agents", "payout", "fraud")


def told_examples() -> list[tuple[str, list[bytes], Example]]:
    """Every example as the history of an expert of its own."""
    told: list[tuple[str, list[bytes], Example]] = []
    number = 0
    for path in sorted(EXAMPLES.glob("*/*.jsonl")):
        example, expert = Example(path), f"{path.parent.name}-{path.stem}"
        values: list[bytes] = []
        for name, fields in example.events:
            number += 1
            values.append(value_of(number, (name, fields | {"subject_id": expert})))
        told.append((expert, values, example))
    return told


@pytest.mark.long
def test_alerts_equal_plain_sql_and_the_examples_and_touch_pay_lines(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    examples, simulation = told_examples(), Simulation(EXPERTS, WEEKS, SEED)
    with Publisher(own.bootstrap_servers) as publisher:
        for expert, values, _ in examples:
            for value in values:
                publisher.send("workforce.experts", expert.encode(), value)
        for one in simulation.events():
            if "activity" not in (told := one.message()).topic:
                publisher.send(told.topic, told.key, told.value)
    first = WorkerProcess("fraud", own, tmp_path / "first.log")
    until(lambda: bool(rows(clickhouse, "SELECT 1 FROM watermarks WHERE projection = 'fraud'")))
    first.kill()
    with running(own, tmp_path, *READERS):
        catch_up(clickhouse, own, tmp_path, *READERS)
    write_labels(simulation.labels, tmp_path / "labels.csv")
    plain_sql_agrees(clickhouse)
    examples_leave_open_what_they_say(clickhouse, examples)
    the_ledger_holds_each_change_once(clickhouse)
    stakes_are_those_of_the_lines(clickhouse)
    detectors_are_listed_and_scored(own, clickhouse, tmp_path / "labels.csv")
    verify_tells_a_missing_alert(clickhouse)


def plain_sql_agrees(client: Client) -> None:
    looked_at, differences = alerts(lambda sql: rows(client, sql))
    assert differences == []
    counted = rows(client, "SELECT count() FROM fraud_alerts WHERE status = 'open'")
    assert looked_at == f"{counted[0][0]:,} open alerts computed from the archive"


def examples_leave_open_what_they_say(
    client: Client, examples: list[tuple[str, list[bytes], Example]]
) -> None:
    found = rows(
        client,
        "SELECT expert_id, toString(detector), groupArray(toString(severity)) FROM (SELECT * FROM "
        "fraud_alerts WHERE status = 'open' ORDER BY about) GROUP BY ALL",
    )
    open_alerts = {(expert, detector): severities for expert, detector, severities in found}
    for expert, _, example in examples:
        assert open_alerts.get((expert, example.detector), []) == example.open_alerts, expert


def the_ledger_holds_each_change_once(client: Client) -> None:
    changes = rows(client, "SELECT change, count() FROM fraud_alert_changes GROUP BY ALL")
    events = rows(
        client,
        "SELECT lower(replaceOne(event_type, 'FraudAlert', '')), uniqExact(event_id) FROM events "
        "WHERE actor = 'system:fraud' GROUP BY ALL",
    )
    assert {change for change, _ in changes} == {"raised", "updated", "withdrawn"}
    assert sorted(events) == sorted(changes)


def stakes_are_those_of_the_lines(client: Client) -> None:
    at_stake = rows(
        client,
        "SELECT expert_id, entry_ids, line_ids, stake_minor FROM fraud_alerts "
        "WHERE mapContains(stake_minor, 'USD') LIMIT 3",
    )
    assert at_stake
    for expert, entries, line_ids, stake in at_stake:
        [(count, amount)] = rows(
            client,
            f"SELECT count(), sum(amount_minor) FROM payout_lines WHERE expert_id = '{expert}' "
            f"AND entry_id IN {tuple(entries)!r} AND status != 'unbilled'".replace(",)", ")"),
        )
        assert (len(line_ids), stake["USD"]) == (count, amount)


def detectors_are_listed_and_scored(settings: Settings, client: Client, labels: Path) -> None:
    listed: Any = json.loads(workledger(settings, "detectors", "list", "--json").stdout)
    assert [one["name"] for one in listed] == [
        "overlapping_sessions", "excessive_hours", "pasted_answer",
    ]  # fmt: skip
    [(critical,)] = rows(
        client,
        "SELECT count() FROM fraud_alerts WHERE severity = 'critical' AND status = 'open'",
    )
    assert listed[0]["open_alerts"]["critical"] == critical > 0
    assert listed[1]["thresholds"]["day_max_ms"] == 16 * 3_600_000
    asked = ("detectors", "score", "--labels", str(labels), "--severity", "low")
    scored: Any = json.loads(workledger(settings, *asked, "--json").stdout)
    flagged = dict(
        rows(
            client,
            "SELECT toString(detector), uniqExact(expert_id) FROM fraud_alerts WHERE status = "
            "'open' AND startsWith(expert_id, 'expert-') GROUP BY ALL",
        )
    )
    assert {one["detector"]: one["precision"]["of"] for one in scored} == {
        one["name"]: flagged.get(one["name"], 0) for one in listed
    }
    assert "precision" in workledger(settings, *asked).stdout


def verify_tells_a_missing_alert(client: Client) -> None:
    client.command(
        "INSERT INTO fraud_alert_changes_g1 SELECT * REPLACE ('withdrawn' AS change, "
        "number + 1 AS number) FROM fraud_alert_changes_g1 FINAL "
        "WHERE expert_id = 'excessive_hours-a_night_through' LIMIT 1"
    )
    _, differences = alerts(lambda sql: rows(client, sql))
    assert len(differences) == 1
    assert "24 hours from 2026-10-05: expected medium at 6250 bp on e1, e2, e3" in differences[0]
