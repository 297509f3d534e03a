"""Replay: letters that are events by today's code are published again, as the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from clickhouse_connect.driver.client import Client

from infra.deadletters.judgement import Judgement, Verdict, judge
from infra.deadletters.letters import Chosen, read_letters
from schemas.message import now_us
from streams.publisher import Publisher


@dataclass
class Report:
    """What was found, and what was done: `counts` has every letter, `shown` the first ones."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    shown: list[Judgement] = field(default_factory=list)
    published: int = 0

    @property
    def judged(self) -> int:
        """Letters looked at."""
        return self.counts.total()

    @property
    def waiting(self) -> int:
        """Letters that are to be published."""
        return self.counts[Verdict.would_be_applied]

    @property
    def refused(self) -> int:
        """Letters that are no events by today's code either."""
        return self.counts[Verdict.still_refused]


def replay(
    client: Client,
    chosen: Chosen,
    publisher: Publisher | None,
    shown_max: int,
    on_progress: Callable[[int], None] = lambda judged: None,
) -> Report:
    """Judge the chosen letters, and publish those that would be applied; none without `publisher`.

    Idempotent: once they are applied they are known by their ids, and a second one that is
    published before that is set aside by the worker as a duplicate. Raises `PublishError` where
    the broker has not acknowledged a letter; those before it may be replayed again.
    """
    report = Report()
    for letters in read_letters(client, chosen):
        judged = judge(client, letters, now_us())
        report.counts.update(one.verdict for one in judged)
        report.shown += judged[: shown_max - len(report.shown)]
        if publisher is not None:
            report.published += _publish(publisher, judged)
        on_progress(report.judged)
    return report


def _publish(publisher: Publisher, judged: list[Judgement]) -> int:
    sound = [one for one in judged if one.verdict is Verdict.would_be_applied]
    for one in sound:
        publisher.send(one.topic, one.key, one.letter.value or b"")
    publisher.flush()
    return len(sound)
