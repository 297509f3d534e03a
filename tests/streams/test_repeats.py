"""Two things of different kinds may have one id; of one kind they are the same thing."""

import pytest

from projections.fold import Fold
from projections.fraud.fold import fraud
from projections.store.store import Known, nothing_known
from projections.utilization.fold import utilization
from streams.repeats import event_candidates, find_repeats, identity_candidates
from tests.projections.histories import History, Told, value_of
from tests.projections.payout_events import entry


def repeats(fold: Fold, *events: Told) -> tuple[list[object], list[object]]:
    """Which of the events repeat another one, and which a thing under another event."""
    values = [value_of(number, told) for number, told in enumerate(events)]
    batch = History(fold).batch_of(values)
    events_found, things_found = find_repeats(
        event_candidates(batch.groups, batch.places),
        identity_candidates(batch.groups, batch.places, fold.identities),
        Known(nothing_known(), nothing_known()),
    )
    return [*events_found], [*things_found]


@pytest.mark.parametrize(
    ("fold", "other"),
    [(fraud, ("SubmissionRecorded", {"submission_id": "1001", "task_id": "t"})),
     (utilization, ("HoursReported", {"report_id": "1001"}))],
)  # fmt: skip
def test_an_entry_and_another_thing_may_have_one_id(fold: Fold, other: Told) -> None:
    assert repeats(fold, entry(1, 2, "1001"), other) == ([], [])


def test_an_entry_under_a_new_event_is_the_entry() -> None:
    events_found, things_found = repeats(fraud, entry(1, 2, "1001"), entry(1, 2, "1001"))
    assert (len(events_found), len(things_found)) == (0, 1)
