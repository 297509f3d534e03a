"""Timecards of another system: every line is reported hours, or a bad row with a reason."""

from __future__ import annotations

import gzip
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UsageError
from infra.importing.judgements import Made
from infra.importing.mapping import TimecardMapping, load_mapping
from infra.importing.timecards import Timecards, read_records
from projections.utilization.fold import utilization
from projections.utilization.rows import REPORTED
from schemas.message import message
from schemas.wire import content
from tests.projections.histories import History

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT.parent / "shared" / "data" / "tock_timecards.json.gz"
RECORDED_AT = 1_790_000_000_000_000


def mapping() -> TimecardMapping:
    loaded = load_mapping(ROOT / "docs" / "examples" / "tock.toml")
    assert isinstance(loaded, TimecardMapping)
    return loaded


def record(model: str, pk: int, **fields: Any) -> dict[str, Any]:
    return {"model": model, "pk": pk, "fields": fields}


SMALL = [
    record("projects.accountingcode", 1, billable=True),
    record("projects.project", 1, accounting_code=1, name="not in any event"),
    record("projects.project", 2, accounting_code=9),
    record("hours.reportingperiod", 1, start_date="2015-03-01", end_date="2015-03-07"),
    record("hours.reportingperiod", 2, start_date="2015-03-08", end_date="soon"),
    record("hours.timecard", 1, user=10, reporting_period=1),
    record("hours.timecard", 2, user=10, reporting_period=2),
]


def line(pk: int, **fields: Any) -> dict[str, Any]:
    told = {"timecard": 1, "project": 1, "hours_spent": "36.25"} | fields
    return record("hours.timecardobject", pk, **told)


def imported(*records: dict[str, Any]) -> tuple[list[Made], list[tuple[int, str]]]:
    """Events and bad rows of the small file with some lines at its end."""
    timecards = Timecards([*SMALL, *records], mapping(), RECORDED_AT)
    return list(timecards.events()), [(row.line, row.reason) for row in timecards.bad_rows]


def test_a_line_is_hours_of_a_person_on_a_project_in_a_period() -> None:
    [(row, event, envelope)], bad_rows = imported(line(5))
    assert row == len(SMALL) + 1
    assert envelope.subject_id == "tock-user-10"
    assert event.fields() == {
        "report_id": "tock-line-5",
        "project_id": "tock-project-1",
        "period_start": 1_425_186_000_000_000,  # 1 March 2015 in New York
        "period_end": 1_425_790_800_000_000,  # 8 March
        "duration_ms": 130_500_000,
        "billable": True,
    }
    assert bad_rows == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"timecard": 7}, "there is no hours.timecard 7"),
        ({"project": 7}, "there is no projects.project 7"),
        ({"project": 2}, "there is no projects.accountingcode 9"),
        ({"timecard": 2}, "Invalid isoformat string: 'soon'"),
        ({"hours_spent": None}, "one of its fields is empty or of another type"),
        ({"hours_spent": "many"}, "its hours are no number"),
        ({"hours_spent": "0.0000001"}, "0.0000001 hours are no whole milliseconds"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_with_its_row_and_the_rest_goes_in(
    fields: dict[str, Any], reason: str
) -> None:
    made, bad_rows = imported(line(5, **fields), line(6))
    assert bad_rows == [(len(SMALL) + 1, f"hours.timecardobject 5: {reason}")]
    assert [one.line for one in made] == [len(SMALL) + 2]


def test_a_file_that_is_no_fixture_is_said_to_be_none(tmp_path: Path) -> None:
    for told, words in (("{", "is not JSON"), ("{}", "is no list of records")):
        (tmp_path / "file.json").write_text(told)
        with pytest.raises(UsageError, match=words):
            read_records(tmp_path / "file.json")
    with pytest.raises(UsageError, match="There is no file"):
        read_records(tmp_path / "none.json")


@pytest.fixture(scope="module")
def file() -> Path:
    if not FILE.exists():
        pytest.skip(f"the real file {FILE.name} is not here")
    return FILE


def test_the_same_file_twice_makes_the_same_events(file: Path) -> None:
    first, again = (
        [message(*made[1:]) for made in Timecards(read_records(file), mapping(), at).events()]
        for at in (RECORDED_AT, RECORDED_AT + 1)
    )
    assert len(first) == 11_047
    assert len({one.envelope.event_id for one in first}) == len(first)
    assert [content(one.value) for one in first] == [content(one.value) for one in again]


Hours = dict[tuple[str, str], Fraction]


def plain_hours() -> tuple[Hours, Hours]:
    """All and billable hours by person and last day of the period, from the file alone."""
    told = json.loads(gzip.decompress(FILE.read_bytes()))
    by_key = {(one["model"], one["pk"]): one["fields"] for one in told}
    every, billable = Hours(), Hours()
    for one in told:
        if one["model"] != "hours.timecardobject":
            continue
        card = by_key["hours.timecard", one["fields"]["timecard"]]
        period = by_key["hours.reportingperiod", card["reporting_period"]]
        project = by_key["projects.project", one["fields"]["project"]]
        code = by_key["projects.accountingcode", project["accounting_code"]]
        key = (f"tock-user-{card['user']}", period["end_date"])
        hours = Fraction(one["fields"]["hours_spent"])
        every[key] = every.get(key, Fraction()) + hours
        billable[key] = billable.get(key, Fraction()) + hours * code["billable"]
    return every, billable


def test_billable_shares_of_the_file_equal_a_plain_computation(file: Path) -> None:
    made = Timecards(read_records(file), mapping(), RECORDED_AT).events()
    told = [message(*one[1:]) for one in made]
    history = History(utilization).tell_values([one.value for one in told])
    sums: dict[tuple[str, Any], list[int]] = {}
    for row in history.rows(REPORTED):
        mine = sums.setdefault((row["expert_id"], row["period_end"]), [0, 0])
        mine[0] += row["duration_ms"]
        mine[1] += row["duration_ms"] * row["is_billable"]
    found = sorted((expert, at.isoformat(), *both) for (expert, at), both in sums.items())
    every, billable = plain_hours()
    hour_ms = 3_600_000
    plain = sorted((*key, every[key] * hour_ms, billable[key] * hour_ms) for key in every)
    assert [(row[0], *row[2:]) for row in found] == [(row[0], *row[2:]) for row in plain]
    assert len(plain) == 4_324
    assert round(float(sum(billable.values()) / sum(every.values())), 4) == 0.5418
