"""Precision and recall against labels, with their uncertainty, and who was flagged by mistake."""

from pathlib import Path

import pytest

from infra.detectors.scoring import Labelled, read_labels, score, wilson
from infra.errors import UsageError


def test_the_interval_is_wilsons() -> None:
    share = wilson(8, 10)
    assert (share.share, share.low, share.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10).low == 0
    assert wilson(10, 10).high == pytest.approx(1)


def test_nobody_to_count_is_no_share() -> None:
    assert wilson(0, 0)[2:] == (None, None, None)


LABELS = [
    Labelled("ann", "pasted_answer", ""),
    Labelled("bob", "pasted_answer", ""),
    Labelled("cem", "", "quotes_the_task"),
    Labelled("dan", "too_fast", ""),
    Labelled("eve", "", ""),
]


def test_an_expert_counts_once_and_those_without_a_label_not_at_all() -> None:
    [one] = score(LABELS, {"pasted_answer": {"ann", "cem", "dan", "eve", "stranger"}})
    assert (one.precision.hits, one.precision.of) == (1, 4)
    assert (one.recall.hits, one.recall.of) == (1, 2)
    assert one.look_alikes == [("cem", "quotes_the_task")]
    assert one.other_frauds == [("dan", "too_fast")]


def test_a_file_of_labels_is_read_and_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with pytest.raises(UsageError, match=r"There is no file .*labels\.csv"):
        read_labels(path)
    path.write_text("expert_id,fraud,look_alike\nann,pasted_answer,\n")
    assert read_labels(path) == [Labelled("ann", "pasted_answer", "")]
    path.write_text("expert,truth\n")
    with pytest.raises(UsageError, match="has not the columns expert_id, fraud, look_alike"):
        read_labels(path)
