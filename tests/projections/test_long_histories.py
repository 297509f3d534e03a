"""A long life costs no more an event than a short one: state is kept in parts."""

from tests.bench.long_history import ENTRIES_A_DAY, begun, bytes_of, one_more_day
from tests.projections.histories import History

LONG = 100_000


def kinds_and_bytes(told: History, first: int) -> tuple[dict[str, int], int]:
    """How many parts of each kind a day of entries writes, and how many bytes they are in all."""
    _, parts = one_more_day(told, first)
    kinds = parts["key"].str.split(":").list.first().value_counts()
    return dict(kinds.iter_rows()), bytes_of(parts)


def test_a_day_writes_as_much_state_after_a_hundred_thousand_entries_as_after_a_day() -> None:
    few, few_bytes = kinds_and_bytes(begun(ENTRIES_A_DAY), ENTRIES_A_DAY)
    many, many_bytes = kinds_and_bytes(begun(LONG), LONG)
    assert many == few == {"expert": 1, "day": 1, "entry": ENTRIES_A_DAY}
    # The head holds the last 400 days of work and the last 60 weeks of a cap, and no more.
    assert many_bytes - few_bytes < 4_000
