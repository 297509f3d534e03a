"""`as_of=`: what was known then, by when the broker took it; exact, or refused.

Facts are never changed, so what was known is the facts of the events that the broker had taken. The
archive tells which these are: in each partition, all before the first event that was taken later.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kafka.errors import KafkaError

from api.errors import ProblemError
from api.reads.question import AskedWronglyError, parse_time
from api.reads.reading import Reading
from projections.agents.state import DOMAINS, domains
from projections.payout.views import lines_then
from schemas.json_form import time_text
from schemas.message import now_us

LINES_HERE, DOMAINS_HERE = "{lines}", "{domains}"
"""Where the lines that stand are read, and the domains of projects."""
NOW = {LINES_HERE: "payout_lines", DOMAINS_HERE: f"({DOMAINS})"}
READ_FROM = {
    LINES_HERE: ("workforce.experts", "payout"),
    DOMAINS_HERE: ("workforce.projects", "agents"),
}
"""Which topic these come from, and which projection tells them."""
MARGIN_US = 5_000_000
"""How far back it must lie: clocks of brokers and of this machine may differ by so much."""


class Then(NamedTuple):
    """What is read as of a time."""

    source: str
    given: dict[str, Any]
    clock_us: int | None
    """The instant at which statuses are told; none where nothing was known."""


def at_present(source: str) -> str:
    """What is read now."""
    for here, now in NOW.items():
        source = source.replace(here, now)
    return source


def as_known_then(reading: Reading, source: str, text: str) -> Then:
    """What is read as of a time, ISO 8601.

    Raises `AskedWronglyError` where what is asked for keeps no history, or the time has hardly
    passed; and 503 where projections do not include all that was known then yet.
    """
    if LINES_HERE not in source:
        raise AskedWronglyError("as_of can be asked of /v1/payouts/lines and /v1/payouts/summary.")
    at_us = parse_time("as_of", text)
    if at_us > now_us() - MARGIN_US:
        raise AskedWronglyError("as_of must lie 5 seconds back: until then events may come.")
    given: dict[str, Any] = {}
    for here, (topic, projection) in READ_FROM.items():
        if here in source:
            given[_parameter(topic)] = _cuts(reading, topic, projection, at_us)
    experts, _ = READ_FROM[LINES_HERE]
    clock = _clock_us(reading, experts, given[_parameter(experts)])
    given["clock"] = clock or 0
    instant = "fromUnixTimestamp64Micro({clock:Int64}, 'UTC')"
    source = source.replace(LINES_HERE, f"({lines_then(_before(experts), instant)})")
    projects, _ = READ_FROM[DOMAINS_HERE]
    return Then(source.replace(DOMAINS_HERE, f"({domains(_before(projects))})"), given, clock)


def _parameter(topic: str) -> str:
    return topic.replace(".", "_")


def _before(topic: str) -> Callable[[str], str]:
    """What to read for a table: its facts before the cuts, which are by partition."""
    cut = f"offset < {{{_parameter(topic)}:Array(Int64)}}[partition + 1]"
    return lambda table: f"(SELECT * FROM {table} WHERE {cut})"


def _cuts(reading: Reading, topic: str, projection: str, at_us: int) -> list[int]:
    """The offset after the last one that was known, by partition."""
    try:
        # Asked after the time has passed: what is not there yet was not known then.
        ends = {partition: end for (_, partition), end in reading.log.now(topic).items()}
    except KafkaError as error:
        raise ProblemError(503, "no_broker", f"No broker answers: {error}") from None
    later = _first_later(reading, topic, at_us)
    reached = {
        name: {row.partition: row for row in reading.look.progress[name] if row.topic == topic}
        for name in ("archive", projection)
    }
    known_to: list[int] = []
    cuts = [0] * (max(ends, default=-1) + 1)
    for partition, end in ends.items():
        cuts[partition] = later.get(partition, end)
        for name, places in reached.items():
            at = places.get(partition)
            offset, appended_at_us = (at.offset, at.appended_at_us) if at else (-1, 0)
            # The archive has come far enough where it has an event that was taken later.
            if offset < cuts[partition] - 1 and not (name == "archive" and partition in later):
                known_to.append(appended_at_us - 1)
    if known_to:
        latest = time_text(max(0, min(known_to)))
        raise ProblemError(
            503,
            "as_of_not_included",
            f"Not all that was taken by then is included yet; up to {latest} it is.",
            {"Retry-After": "1"},
            latest_as_of=latest,
        )
    return cuts


def _first_later(reading: Reading, topic: str, at_us: int) -> dict[int, int]:
    bound = reading.look.bind(
        "SELECT partition, min(offset) AS first FROM events WHERE topic = {topic:String} "
        "AND appended_at > fromUnixTimestamp64Micro({at:Int64}, 'UTC') GROUP BY partition"
    )
    rows = bound.rows(reading.client, {"topic": topic, "at": at_us})
    return {row["partition"]: row["first"] for row in rows}


def _clock_us(reading: Reading, topic: str, cuts: list[int]) -> int | None:
    bound = reading.look.bind(
        "SELECT maxOrNull(toUnixTimestamp64Micro(occurred_at)) AS latest FROM events "
        "WHERE topic = {topic:String} AND offset < {cuts:Array(Int64)}[partition + 1]"
    )
    [row] = bound.rows(reading.client, {"topic": topic, "cuts": cuts})
    return row["latest"]
