"""Another log under a projection is told at once, by a sentence."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from projections.store.store import Progress
from schemas.partitioning import partition_of
from streams.batch import Fetch
from streams.dead_letters import WINDOW_EVENTS, Letter, LetterShare
from streams.log_check import RoadError, check_fetch, check_log, witness_of
from streams.publisher import Publisher
from streams.topics import Topic, ensure_topics

KEY = b"expert-1"
PARTITION = partition_of(KEY)
VALUES: list[bytes | None] = [b"v0", b"v1", b"v2"]


def fetch(topic: str, values: list[bytes | None]) -> Fetch:
    offsets = list(range(len(values)))
    return Fetch(topic, PARTITION, 0, len(values), values, [KEY] * len(values), offsets, offsets)


def included(topic: str, values: list[bytes | None]) -> Progress:
    """The progress of a projection that has read these values."""
    return Progress(len(values) - 1, witness=witness_of(fetch(topic, values)))


@pytest.fixture
def check(bootstrap_servers: str) -> Callable[[list[bytes | None]], None]:
    """Holds a topic of three values against a projection that has read some values."""
    topic = Topic(f"log-{uuid.uuid4().hex}", key="expert_id")
    ensure_topics(bootstrap_servers, topics=[topic])
    with Publisher(bootstrap_servers) as publisher:
        for value in VALUES:
            publisher.send(topic.name, KEY, value or b"")

    def check_it(values: list[bytes | None]) -> None:
        progress = included(topic.name, values) if values else Progress()
        check_log(bootstrap_servers, {(topic.name, PARTITION): progress})

    return check_it


@pytest.mark.stack
def test_the_log_that_was_read_is_sound_however_far_it_was_read(
    check: Callable[[list[bytes | None]], None],
) -> None:
    for count in range(len(VALUES) + 1):
        check(VALUES[:count])


@pytest.mark.stack
def test_a_log_that_ends_before_what_is_included_was_cut_or_made_anew(
    check: Callable[[list[bytes | None]], None],
) -> None:
    with pytest.raises(RoadError, match=r"ends before offset 3, and offset 4 is included already"):
        check([b"v"] * 5)


@pytest.mark.stack
def test_a_log_that_has_grown_again_holds_another_value(
    check: Callable[[list[bytes | None]], None],
) -> None:
    with pytest.raises(RoadError, match=r"another value at offset 1 .* cut and grown again"):
        check([b"v0", b"other"])


@pytest.mark.stack
def test_another_number_of_partitions_is_refused(bootstrap_servers: str) -> None:
    topic = Topic(f"log-{uuid.uuid4().hex}", key="expert_id", partitions=3)
    ensure_topics(bootstrap_servers, topics=[topic])
    with pytest.raises(RoadError, match="has 3 partitions instead of 12"):
        check_log(bootstrap_servers, {(topic.name, 0): Progress()})


def test_a_fetch_delivered_again_is_sound_and_one_of_another_topic_is_not() -> None:
    check_fetch(fetch("t", VALUES), included("t", VALUES[:2]))
    with pytest.raises(RoadError, match="another value at offset 1"):
        check_fetch(fetch("t", [b"v0", b"x", b"v2"]), included("t", VALUES[:2]))


def letters(count: int) -> list[Letter]:
    return [Letter("t", 0, n, "rule", "it lies in the future", None, None) for n in range(count)]


def test_a_few_dead_letters_never_stop_a_worker() -> None:
    share = LetterShare(share_max_bp=100)
    assert share.excess(99, letters(99)) == ""


def test_a_share_of_dead_letters_above_the_limit_stops_it_and_names_one() -> None:
    share = LetterShare(share_max_bp=2_000)
    assert share.excess(1_000, letters(200)) == ""
    assert "such as it lies in the future" in share.excess(100, letters(100))


def test_the_share_is_that_of_the_latest_events() -> None:
    share = LetterShare(share_max_bp=2_000)
    assert share.excess(1_000, letters(150)) == ""
    assert share.excess(WINDOW_EVENTS, []) == ""
    assert share.excess(1_000, letters(1_000)) == ""
