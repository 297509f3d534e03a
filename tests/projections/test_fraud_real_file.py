"""Alerts on the real file of medical judgements: overlapping pages are mostly browser tabs."""

import polars as pl
import pytest

from infra.importing.judgements import Judgements, read_rows
from infra.importing.mapping import Mapping, load_mapping
from projections.fraud.fold import fraud
from projections.fraud.rows import CHANGES
from schemas.events import TimeEntryRecorded
from schemas.message import message
from tests.integration.test_real_file import FILE, MAPPING, Page, pages_of_the_file
from tests.projections.histories import History

DAY_S = 86_400
OVERLAP_MAX_S = 60
BUSIEST = 1
"""Workers with most pages that are told besides all those whose pages overlap."""

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the real file {FILE.name} is not here")


def overlapping_days(pages: list[Page]) -> set[int]:
    """The UTC days on which two pages of a worker share more than a minute."""
    ordered = sorted(pages, key=lambda page: page.start_s)
    found: set[int] = set()
    for at, page in enumerate(ordered):
        for other in ordered[at + 1 :]:
            if other.start_s >= page.end_s:
                break
            start, end = other.start_s, min(page.end_s, other.end_s)
            for day in range(start // DAY_S, end // DAY_S + 1):
                if min(end, (day + 1) * DAY_S) - max(start, day * DAY_S) > OVERLAP_MAX_S:
                    found.add(day)
    return found


def test_overlapping_pages_are_alerts_that_do_not_shout() -> None:
    by_worker: dict[str, list[Page]] = {}
    for page in pages_of_the_file():
        by_worker.setdefault(page.worker, []).append(page)
    days = {worker: overlapping_days(pages) for worker, pages in by_worker.items()}
    expected = {(worker, day) for worker, found in days.items() for day in found}
    busiest = sorted(by_worker, key=lambda worker: len(by_worker[worker]))[-BUSIEST:]
    told = [worker for worker in by_worker if days[worker] or worker in busiest]

    mapping = load_mapping(MAPPING)
    assert isinstance(mapping, Mapping)
    rows = read_rows(FILE, mapping).filter(pl.col(mapping.columns.expert).is_in(told))
    made = Judgements(rows, mapping, recorded_at=1_700_000_000_000_000).events()
    entries = [one for one in made if isinstance(one.event, TimeEntryRecorded)]
    history = History(fraud).tell_values([message(e.event, e.envelope).value for e in entries])

    changes = history.rows(CHANGES)
    assert {change["detector"] for change in changes} == {"overlapping_sessions"}
    assert {change["severity"] for change in changes} == {"low"}
    alerts = {
        (change["expert_id"].removeprefix(mapping.experts.id_prefix), change["about"])
        for change in changes
    }
    assert alerts == {(worker, f"{date_of(day)}") for worker, day in expected}
    assert len(by_worker) == 751
    assert len(expected) == 54


def date_of(day: int) -> str:
    return pl.Series([day], dtype=pl.Int32).cast(pl.Date).cast(pl.String)[0]
