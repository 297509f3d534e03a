"""What a submission means for the alert about its answer, and an entry for those of its task."""

from projections.fraud.alerts import Telling, tell
from projections.fraud.detectors import PASTED_ANSWER
from projections.fraud.pasted_answer import (
    LATEST_COUNT,
    PASTED_SHARE_MIN_BP,
    Measured,
    find,
    is_judged,
    share_bp,
)
from projections.fraud.state import TASK_ANSWERS_MAX, Answer, Answers, Task


def judge_answer(
    telling: Telling,
    task: Task,
    answers: Answers,
    submission_id: str,
    event_id: bytes,
    measured: Measured,
) -> None:
    """Judge an answer, and remember of it what later ones and entries of its task need."""
    if not is_judged(measured):
        return
    share = share_bp(measured)
    is_pasted = share >= PASTED_SHARE_MIN_BP
    answers.were_pasted = [*answers.were_pasted, is_pasted][-LATEST_COUNT:]
    if is_pasted:
        answer = Answer(
            submission_id, event_id, telling.occurred_at, measured.answer_chars,
            measured.after_loss_chars or 0, share, habit=sum(answers.were_pasted),
        )  # fmt: skip
        task.answers = [*task.answers, answer][-TASK_ANSWERS_MAX:]
        judge_answers(telling, task)


def judge_answers(telling: Telling, task: Task) -> None:
    """Tell what changes of the alerts about a task's answers."""
    for answer in task.answers:
        finding = find(answer, task.entry_ids)
        tell(telling, PASTED_ANSWER, f"submission {answer.submission_id}", answer.alert, finding)
