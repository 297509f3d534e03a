"""Detector `pasted_answer`: most of an answer was pasted right after the window lost the focus.

That is the sign of a model's answer brought from elsewhere; it is also the sign of an answer
written in another editor, so one alone is low, and it escalates with the share of the expert's
latest answers that came about so. Dictation and input method editors insert text as pasting does
and are never found; text pasted without leaving the window, as a quotation of the task, does not
count; and what was typed besides counts against it, since then the answer was worked over.

It cannot see: a model's answer that is typed off a second screen; a source that does not measure
pasting; the text itself; answers shorter than the least length.
"""

from typing import Literal, NamedTuple

from projections.fraud.findings import BP, NAMED_MAX, Finding, Severity
from projections.fraud.state import Answer

NAME, VERSION = "pasted_answer", 1
MODE: Literal["shadow", "live"] = "live"

ANSWER_CHARS_MIN = 200
"""A shorter answer proves nothing: a name, a number, a link."""
PASTED_SHARE_MIN_BP = 6_000
"""Of what went into the answer."""
LATEST_COUNT = 20
"""Answers of the expert that tell whether it is a habit."""
HABIT_COUNT = 4
"""Of the latest: from here on it is medium."""
HABIT_HIGH_COUNT = 8
SINGLE_SCORE_BP = 3_000
HABIT_SCORE_BP = 6_500
HABIT_HIGH_SCORE_BP = 9_000
INNOCENT_METHODS = ("dictation", "input_method_editor")


class Measured(NamedTuple):
    """How an answer came about, in characters; None where the source does not measure it."""

    answer_chars: int
    typed_chars: int | None
    pasted_chars: int | None
    after_loss_chars: int | None
    """Pasted right after the window had lost the focus."""
    input_method: str


def is_judged(measured: Measured) -> bool:
    """Whether an answer can tell anything: measured, long enough, and by an ordinary keyboard."""
    return (
        measured.after_loss_chars is not None
        and measured.answer_chars >= ANSWER_CHARS_MIN
        and measured.input_method not in INNOCENT_METHODS
    )


def share_bp(measured: Measured) -> int:
    """Pasted after focus loss, of all that went in: the answer, or what was typed and pasted.

    The greater of the two is the whole: what was pasted and written over was worked on.
    """
    went_in = (measured.typed_chars or 0) + (measured.pasted_chars or 0)
    after_loss = measured.after_loss_chars or 0
    return after_loss * BP // max(measured.answer_chars, went_in, after_loss, 1)


def find(answer: Answer, entry_ids: list[str]) -> Finding | None:
    """What an answer comes to that was pasted to some share; entries are those on its task."""
    if answer.share_bp < PASTED_SHARE_MIN_BP:
        return None
    severity, score_bp = _verdict(answer.habit)
    told = (
        f"{answer.share_bp // 100}% of the answer ({answer.pasted_chars:,} of "
        f"{answer.answer_chars:,} characters) was pasted right after the window had lost the focus"
    )
    if answer.habit > 1:
        told += f"; so it was with {answer.habit} of the latest {LATEST_COUNT} answers"
    named = sorted(entry_ids)[:NAMED_MAX]
    return Finding(severity, score_bp, f"{told}.", answer.submitted_at, named, [answer.event_id])


def _verdict(habit: int) -> tuple[Severity, int]:
    if habit >= HABIT_HIGH_COUNT:
        return "high", HABIT_HIGH_SCORE_BP
    if habit >= HABIT_COUNT:
        return "medium", HABIT_SCORE_BP
    return "low", SINGLE_SCORE_BP
