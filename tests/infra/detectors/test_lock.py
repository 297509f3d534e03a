"""The lock: logic that changes without a new version is noticed, words that change are not."""

from types import ModuleType

import pytest

from infra.detectors import lock
from infra.errors import CommandError
from projections.fraud.detectors import DETECTORS, PASTED_ANSWER, Detector


def test_every_detector_is_as_the_lock_says() -> None:
    assert lock.differences(lock.read_lock(), lock.locked_now()) == []


def changed(tmp_path, monkeypatch, old: str, new: str) -> Detector:
    """`pasted_answer` with another text in its module, in a tree of its own."""
    folder = tmp_path / "projections" / "fraud"
    folder.mkdir(parents=True)
    for name in ("projections/fraud/findings.py", "projections/intervals.py"):
        (tmp_path / name).write_text((lock.ROOT / name).read_text())
    source = (lock.ROOT / "projections/fraud/pasted_answer.py").read_text()
    assert old in source
    (folder / "pasted_answer.py").write_text(source.replace(old, new))
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    return PASTED_ANSWER._replace(module=ModuleType("projections.fraud.pasted_answer"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PASTED_SHARE_MIN_BP = 6_000", "PASTED_SHARE_MIN_BP = 5_000"),
        ("habit >= HABIT_COUNT", "habit > HABIT_COUNT"),
        ('"dictation", ', ""),
    ],
)
def test_another_threshold_or_rule_under_an_old_version_is_told_with_the_way_out(
    old: str, new: str, tmp_path, monkeypatch
) -> None:
    now = lock.locked_now([changed(tmp_path, monkeypatch, old, new)])
    locked = {"pasted_answer": lock.read_lock()["pasted_answer"]}
    assert lock.differences(locked, now) == [
        "the logic or a threshold of pasted_answer has changed under version 1: raise its VERSION "
        "and the version of the fold, then run workledger detectors lock"
    ]


def test_other_words_in_a_docstring_or_comment_are_no_change(tmp_path, monkeypatch) -> None:
    before = lock.logic_sha256(PASTED_ANSWER)
    same = changed(tmp_path, monkeypatch, '"""Of the latest: ', '# a comment\n"""Among them: ')
    assert lock.logic_sha256(same) == before


def test_the_lock_is_not_renewed_over_a_kept_version(tmp_path, monkeypatch) -> None:
    path = tmp_path / "lock.json"
    monkeypatch.setattr(lock, "LOCK", path)
    told = lock.renew()
    assert len(told) == len(DETECTORS)
    assert lock.renew() == []
    path.write_text(path.read_text().replace('logic_sha256": "', 'logic_sha256": "0'))
    with pytest.raises(CommandError, match="raise its VERSION"):
        lock.renew()
