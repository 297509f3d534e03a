"""The pages of events are those that the schemas and the handlers describe."""

import pytest

from infra.events_reference import FOLDER, pages
from projections.registry import PROJECTIONS


@pytest.mark.parametrize("name", pages())
def test_a_page_of_events_is_the_one_that_the_code_describes(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run: workledger schemas ship"


def test_there_is_no_page_too_many() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


def test_who_reads_an_event_is_what_its_handlers_take() -> None:
    read = PROJECTIONS["payout"].reads("RateAgreed")
    assert read == (
        "currency",
        "effective_from",
        "event_id",
        "project_id",
        "rate_minor_per_hour",
        "subject_id",
    )
    assert PROJECTIONS["payout"].reads("TaskClaimed") == ()
