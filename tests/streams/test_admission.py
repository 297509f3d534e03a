"""What a round admits: the rest are refusals, which become dead letters."""

from schemas.partitioning import partition_of
from streams.admission import admit
from streams.batch import Fetch
from tests.projections.histories import HOUR_US, value_of

KEY = b"expert-1"


def test_a_round_in_which_every_event_of_a_type_breaks_a_rule_refuses_them_all() -> None:
    backwards = {"started_at": HOUR_US, "ended_at": 0}
    values: list[bytes | None] = [value_of(n, ("TimeEntryRecorded", backwards)) for n in range(2)]
    fetch = Fetch(
        "workforce.experts", partition_of(KEY), 0, 2, values, [KEY] * 2, [0, 1],
        [1_800_000_000_000] * 2,
    )  # fmt: skip
    admitted = admit([fetch])
    assert [(refusal.position, refusal.cause) for refusal in admitted.refusals] == [
        (0, "rule"),
        (1, "rule"),
    ]
    assert admitted.groups == []
