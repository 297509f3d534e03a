"""What of a history must not overtake the agents: hours, before their project's policy is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from infra.simulation.told import Told
from schemas.events import ProjectStaffed, TimeEntryRecorded


def with_dependence(events: Iterable[Told]) -> Iterator[tuple[bool, Told]]:
    """Each event, and whether the agents must have answered all before it first.

    Who is staffed is told the project's policy by the agents, and a time entry that stands before
    it in the log has no review window and no cap. In the world hours lie between the two; here a
    day takes a second. One answer serves all who were staffed until then.
    """
    unanswered = set[str]()
    for told in events:
        depends = isinstance(told.event, TimeEntryRecorded) and told.subject_id in unanswered
        if depends:
            unanswered.clear()
        elif isinstance(told.event, ProjectStaffed):
            unanswered.add(told.subject_id)
        yield depends, told
