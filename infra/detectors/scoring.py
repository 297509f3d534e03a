"""How well detectors find what is known to be fraud, expert by expert."""

import csv
from collections.abc import Iterable, Mapping
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from infra.errors import UsageError

Z_95 = 1.959964
"""The normal quantile of a two-sided 95% interval."""
LABEL_COLUMNS = ["expert_id", "fraud", "look_alike"]


class Labelled(NamedTuple):
    """What is true of an expert: the detector that is to find them, or what they look like."""

    expert_id: str
    fraud: str
    look_alike: str


class Share(NamedTuple):
    """A share with its Wilson score interval at 95%; none of it where nothing was counted."""

    hits: int
    of: int
    share: float | None
    low: float | None
    high: float | None


class Score(NamedTuple):
    """One detector against the labels."""

    detector: str
    precision: Share
    """Of the experts that it flags, those who commit what it looks for."""
    recall: Share
    """Of the experts who commit it, those that it flags."""
    look_alikes: list[tuple[str, str]]
    """Innocent experts that it flags though they only look like it, and what they look like."""
    other_frauds: list[tuple[str, str]]
    """Experts that it flags who commit something else, and what."""


def wilson(hits: int, of: int) -> Share:
    """The share `hits / of` with its interval.

    Source: Wilson (1927), `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`.
    """
    if of == 0:
        return Share(hits, of, None, None, None)
    share, z2 = hits / of, Z_95**2
    middle = share + z2 / (2 * of)
    half = Z_95 * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = ((middle + sign * half) / (1 + z2 / of) for sign in (-1, 1))
    return Share(hits, of, share, max(0.0, low), min(1.0, high))


def score(labels: Iterable[Labelled], flagged: Mapping[str, set[str]]) -> list[Score]:
    """Each detector of `flagged` (to the experts with an alert) against the labels.

    Experts without a label say nothing, and are left out.
    """
    known = {label.expert_id: label for label in labels}
    scores: list[Score] = []
    for detector, experts in flagged.items():
        found = [known[one] for one in sorted(experts) if one in known]
        guilty = {label.expert_id for label in known.values() if label.fraud == detector}
        hits = sum(label.expert_id in guilty for label in found)
        others = [label for label in found if label.expert_id not in guilty]
        scores.append(
            Score(
                detector,
                wilson(hits, len(found)),
                wilson(hits, len(guilty)),
                [(label.expert_id, label.look_alike) for label in others if label.look_alike],
                [(label.expert_id, label.fraud) for label in others if label.fraud],
            )
        )
    return scores


def read_labels(path: Path) -> list[Labelled]:
    """The labels that `workledger simulate --labels` wrote; raises `UsageError` for other files."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            if next(rows, None) != LABEL_COLUMNS:
                raise UsageError(f"{path} has not the columns {', '.join(LABEL_COLUMNS)}.")
            return [Labelled(*row) for row in rows]
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no file {path}. Try: workledger simulate --labels {path}"
        ) from error
