"""An import from end to end: events are made, held against the rules, and published."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from infra.importing.judgements import BadRow, Made
from schemas.columns import decode_columns
from schemas.message import Message, message
from schemas.rules import broken_rules
from schemas.wire import WireError
from streams.publisher import Publisher

BATCH = 10_000
"""Events that are held against the rules together."""


@dataclass
class Report:
    """What an import did."""

    published: dict[str, int] = field(default_factory=dict)
    """Events by type."""
    bad_rows: list[BadRow] = field(default_factory=list)


def publish_events(
    made: Iterable[Made],
    publisher: Publisher,
    on_line: Callable[[int], None] = lambda line: None,
) -> Report:
    """Publish what is sound; what is not is reported with its line. Raises `PublishError`."""
    report = Report()
    for batch in _batches(made):
        told: list[tuple[int, Message]] = []
        for one in batch:
            try:
                told.append((one.line, message(one.event, one.envelope)))
            except WireError as error:
                report.bad_rows.append(BadRow(one.line, str(error)))
        groups, failures = decode_columns([one.value for _, one in told])
        failures += [failure for group in groups for failure in broken_rules(group)]
        refused = {failure.position for failure in failures}
        report.bad_rows += [BadRow(told[f.position][0], f.reason) for f in failures]
        for position, (_, one) in enumerate(told):
            if position not in refused:
                publisher.send(one.topic, one.key, one.value)
                name = type(one.event).__name__
                report.published[name] = report.published.get(name, 0) + 1
        on_line(batch[-1].line)
    publisher.flush()
    return report


def _batches(made: Iterable[Made]) -> Iterator[list[Made]]:
    iterator = iter(made)
    while batch := list(islice(iterator, BATCH)):
        yield batch
