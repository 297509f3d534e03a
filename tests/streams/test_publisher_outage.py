"""The publisher at its limits, and while its broker pauses, dies, comes back, or stays away."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.stack import Stack, processes
from streams.publisher import Publisher, PublishError
from streams.topics import DEAD_LETTERS, EXPERTS, Topic
from tests.local_stack import local_settings
from tests.streams.test_publisher import KEYS, read_all

pytestmark = pytest.mark.stack
TOPIC = EXPERTS.name


@pytest.fixture(scope="module")
def _broker_alone(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A broker of these tests' own; ClickHouse is the session's, which is left alone."""
    home = tmp_path_factory.mktemp("broker")
    alone = Stack(local_settings(home, clickhouse_url=stack.settings.clickhouse_http_url))
    yield alone
    alone.down()


@pytest.fixture
def broker(_broker_alone: Stack) -> Stack:
    """The broker, up when the test starts, whatever the test before did to it."""
    _broker_alone.up()
    return _broker_alone


def signal_broker(stack: Stack, number: signal.Signals) -> None:
    process = processes.running(stack.part("broker").pid_path)
    assert process
    process.send(number)
    while number == signal.SIGKILL and process.is_alive():
        time.sleep(0.01)


def has_stopped(pid: int) -> bool:
    """Whether every thread of a process is stopped."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)


@contextmanager
def paused(stack: Stack) -> Iterator[None]:
    """The broker neither answers nor refuses while the block runs."""
    signal_broker(stack, signal.SIGSTOP)
    process = processes.running(stack.part("broker").pid_path)
    assert process
    while not has_stopped(process.pid):  # on a busy machine some threads go on for a while
        time.sleep(0.01)
    try:
        yield
    finally:
        signal_broker(stack, signal.SIGCONT)


@pytest.mark.parametrize(
    ("events_max", "bytes_max", "taken"), [(10, 1_000_000, 10), (1_000, 5_000, 5)]
)
def test_no_more_is_taken_than_may_be_in_flight(
    broker: Stack, events_max: int, bytes_max: int, taken: int
) -> None:
    sent: list[int] = []

    def send_thirty() -> None:
        for number in range(30):
            publisher.send(TOPIC, b"", bytes(1_000))
            sent.append(number)

    with Publisher(
        broker.settings.bootstrap_servers,
        in_flight_events_max=events_max,
        in_flight_bytes_max=bytes_max,
    ) as publisher:
        publisher.send(TOPIC, KEYS[0], b"the first one fetches what the topic is like")
        publisher.flush()
        sender = threading.Thread(target=send_thirty)
        with paused(broker):
            sender.start()
            sender.join(timeout=0.7)
            assert len(sent) == taken
        sender.join(timeout=20)
    assert len(sent) == 30
    assert publisher.in_flight == 0


def test_a_broker_that_dies_and_comes_back_has_every_event_once(broker: Stack) -> None:
    address = broker.settings.bootstrap_servers
    before = len(read_all(address, TOPIC))
    with Publisher(address) as publisher:
        answers = [
            publisher.send(TOPIC, KEYS[number % 100], b"early %d" % number) for number in range(500)
        ]
        signal_broker(broker, signal.SIGKILL)  # with some of them on their way
        answers += [
            publisher.send(TOPIC, KEYS[number % 100], b"late %d" % number) for number in range(500)
        ]
        broker.up()
    places = {(answer.value.partition, answer.value.offset) for answer in answers}
    found = read_all(address, TOPIC)
    assert len(places) == 1_000
    assert places <= found.keys()
    assert len(found) - before == 1_000


def test_a_broker_that_stays_away_leaves_no_event_unreported(broker: Stack) -> None:
    publisher = Publisher(
        broker.settings.bootstrap_servers, delivery_timeout_ms=1_200, request_timeout_ms=600
    )
    publisher.send(TOPIC, KEYS[0], b"acknowledged")
    publisher.flush()
    with paused(broker):
        for key in KEYS:
            publisher.send(TOPIC, key, b"value")
        with pytest.raises(PublishError, match="100 events were not acknowledged") as raised:
            publisher.close()
    assert sorted(failure.key for failure in raised.value.failures) == sorted(KEYS)


def test_closing_in_a_hurry_reports_what_was_given_up(broker: Stack) -> None:
    publisher = Publisher(broker.settings.bootstrap_servers)
    publisher.send(TOPIC, KEYS[0], b"acknowledged")
    publisher.flush()
    with paused(broker):
        for key in KEYS:
            publisher.send(TOPIC, key, b"value")
        began = time.monotonic()
        with pytest.raises(PublishError, match="100 events were not acknowledged"):
            publisher.close(timeout_s=0.5)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("topic", "limit"), [(EXPERTS, "takes 1,048,320"), (DEAD_LETTERS, "takes 2,096,896")]
)
def test_the_largest_event_that_is_taken_is_acknowledged(
    broker: Stack, topic: Topic, limit: str
) -> None:
    # Bytes that lz4 cannot shrink, in every size near the limit.
    noise = random.randbytes(topic.message_bytes_max)
    with Publisher(broker.settings.bootstrap_servers) as publisher:
        sizes = range(len(noise) - 600, len(noise), 25)
        answers = [publisher.send(topic.name, b"key", noise[:size]) for size in sizes]
        with pytest.raises(PublishError) as raised:
            publisher.flush()
    assert all(limit in failure.reason for failure in raised.value.failures)
    taken = [answer.succeeded() for answer in answers]
    assert taken == sorted(taken, reverse=True)
    assert 3 < sum(taken) < len(taken)
