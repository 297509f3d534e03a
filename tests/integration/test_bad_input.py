"""Bad input amid good events: a dead letter, a conflict or a line that waits; nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from infra.verify.checks import Verifier
from projections.registry import PROJECTIONS
from schemas.catalogue import catalogue
from schemas.identity import derived_id
from schemas.partitioning import partition_of
from schemas.wire import encode
from streams import kafka_clients
from streams.offsets import log_reader
from tests.integration.workers import catch_up, rows, running
from tests.schemas.events import example_of

pytestmark = pytest.mark.stack
TOPIC = "workforce.experts"
HOUR = 3_600_000_000
START = 1_760_000_400_000_000
TYPES = catalogue().by_name


class Log:
    """Events for one expert, each with an id of its own; `put` writes them in their order."""

    def __init__(self) -> None:
        self.count = 0
        self.entries = 0
        self.records: list[tuple[str, bytes | None, bytes | None, int]] = []

    def event(self, name: str, subject: str = "ana", **fields: Any) -> bytes:
        self.count += 1
        identity = {"event_id": derived_id(b"bad input %d" % self.count), "occurred_at": START}
        return encode(TYPES[name], example_of(TYPES[name], subject_id=subject, **identity | fields))

    def entry(self, **fields: Any) -> bytes:
        self.entries += 1
        at = START + self.entries * HOUR
        given = {"entry_id": f"e{self.entries}", "started_at": at, "ended_at": at + HOUR}
        given |= {"project_id": "p", "billable": True}
        return self.event("TimeEntryRecorded", **given | fields)

    def put(
        self, value: bytes | None, key: bytes | None = b"ana", partition: int | None = None
    ) -> None:
        named = partition_of(b"ana") if partition is None else partition
        self.records.append((TOPIC, key, value, named))

    def write(self, bootstrap_servers: str) -> None:
        """As any producer might: without our publisher, which would refuse some of it."""
        producer = kafka_clients.producer(bootstrap_servers=bootstrap_servers, acks="all")
        for topic, key, value, partition in self.records:
            producer.send(topic, key=key, value=value, partition=partition).get(10)
        producer.close()


def bad_records(log: Log) -> list[tuple[str, bytes | None, bytes | None, int | None]]:
    """What the reason says, the value, the key, and the partition where it is not the key's."""
    good = log.entry()
    other = (partition_of(b"ana") + 1) % 12
    return [
        ("Confluent wire format", b"this is not Avro", b"ana", None),
        ("schema id 9999 is unknown", b"\0\0\0\x27\x0f" + good[5:], b"ana", None),
        ("the value is empty", None, b"ana", None),
        ("the value is empty", b"", b"ana", None),
        ("not a TimeEntryRecorded", good + b"more", b"ana", None),
        ("not a TimeEntryRecorded", good[:-9], b"ana", None),
        ("the key is b'bob'", log.entry(), b"bob", None),
        ("the key is None", log.entry(), None, None),
        (f"it lies in partition {other}", log.entry(), b"ana", other),
        ("the end must lie after the start", log.entry(ended_at=START), b"ana", None),
        ("at most 24 hours", log.entry(ended_at=START + 100 * HOUR), b"ana", None),
        ("rate_minor_per_hour is 0", log.event("RateAgreed", rate_minor_per_hour=0), b"ana", None),
        ("per_hour is -5", log.event("RateAgreed", rate_minor_per_hour=-5), b"ana", None),
        ("ISO 4217", log.event("RateAgreed", currency="XXQ"), b"ana", None),
        ("does not belong on", log.event("ProjectOpened"), b"ana", None),
    ]  # fmt: skip


def test_each_kind_of_bad_input_is_told_and_the_good_events_around_it_are_paid(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    log = Log()
    bad = bad_records(log)
    expected: list[str] = []

    def put_bad() -> None:
        for reason, value, key, partition in bad:
            log.put(value, key, partition)
            expected.append(reason)

    put_bad()  # at the start
    log.put(log.event("ExpertHired"))
    log.put(log.event("ProjectStaffed", project_id="p"))
    log.put(log.event("TermsAccepted", project_id="p"))
    log.put(log.event("RateAgreed", project_id="p", effective_from=START))
    paid = [log.entry() for _ in range(6)]
    for value in paid[:3]:
        log.put(value)
    put_bad()  # in the middle
    for value in paid[3:]:
        log.put(value)
    same = {"entry_id": "e-same", "started_at": START, "ended_at": START + HOUR}
    again = log.entry(**same)
    log.put(again)
    log.put(again)  # the same event
    log.put(log.entry(**same))  # the same entry under a new event
    log.put(log.entry(**same | {"ended_at": START + HOUR // 2}))  # with other content
    log.put(log.entry(subject="zoe"), b"zoe", partition_of(b"zoe"))  # never hired
    log.put(log.event("ProjectStaffed", project_id="q"))
    log.put(log.event("TermsAccepted", project_id="q"))
    log.put(log.event("RateAgreed", project_id="q", effective_from=START + 1_000 * HOUR))
    log.put(log.entry(project_id="q"))  # before its rate holds
    put_bad()  # at the end
    log.write(own.bootstrap_servers)

    with running(own, tmp_path):
        catch_up(clickhouse, own, tmp_path)
        letters = rows(
            clickhouse,
            "SELECT reason, offset, partition FROM dead_letters WHERE projection = 'payout' "
            f"ORDER BY partition != {partition_of(b'ana')}, offset",
        )
        unmatched = list(expected)
        for reason, _, _ in letters:
            unmatched.remove(next(words for words in unmatched if words in reason))
        assert unmatched == []
        repeats = rows(
            clickhouse,
            "SELECT repeats, verdict FROM repeats WHERE projection = 'payout' ORDER BY offset",
        )
        assert repeats == [("event", "duplicate"), ("entry", "duplicate"), ("entry", "conflict")]
        lines = rows(
            clickhouse,
            "SELECT expert_id, status, reason, count() FROM payout_lines GROUP BY ALL "
            "ORDER BY expert_id, status",
        )
        assert lines == [
            ("ana", "payable", "", 7),
            ("ana", "waiting", "no_rate", 1),
            ("zoe", "waiting", "not_hired", 1),
        ]
        with log_reader(own.bootstrap_servers) as reader:
            outcomes = Verifier(clickhouse, reader.offsets, reader.exists).run()
        assert [outcome for outcome in outcomes if outcome.differences] == []
        sent = letters_on_kafka(own.bootstrap_servers)
        assert len(sent) == len(PROJECTIONS) * len(letters)  # one of each
        assert {value for value, _ in sent} == {value or b"" for _, value, _, _ in bad}


def letters_on_kafka(bootstrap_servers: str) -> list[tuple[bytes, dict[str, bytes]]]:
    """The dead letters' bytes and headers."""
    consumer = kafka_clients.consumer(
        "workforce.dead-letters",
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=2_000,
    )
    found = [(record.value, dict(record.headers)) for record in consumer]
    consumer.close()
    return found
