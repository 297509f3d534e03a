"""Other teams' clients read our topics by our registry: the document's own code does it here."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.settings import CHECKOUT, Settings
from infra.stack.api import Api
from schemas.catalogue import Version, catalogue
from schemas.events import ExpertHired, TimeEntryRecorded
from schemas.json_form import EPOCH, to_json
from schemas.message import Message, envelope, message
from schemas.wire import decode
from streams.publisher import Publisher
from tests.integration.servers import serving

pytestmark = pytest.mark.stack

DOCUMENT = CHECKOUT / "docs" / "reading-events.md"
SHIPPED = [v for t in catalogue().by_name.values() for v in t.versions]


@pytest.fixture(scope="module")
def registry(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API's own process, as `workledger up` runs it."""
    part = Api(settings)
    with serving(part, tmp_path_factory.mktemp("api") / "api.log"):
        yield part.address


def code_of(name: str) -> str:
    """The block of the document that is called so."""
    found = re.search(rf"```python {name}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found, f"{DOCUMENT.name} has no block {name}"
    return found.group(1)


def told_by(subject: str) -> list[Message]:
    hired = ExpertHired(domains=["poetry"], country="PT", home_zone="Europe/Lisbon")
    hour_us = 3_600_000_000
    entry = TimeEntryRecorded(
        entry_id="e1", project_id="verse", activity_kind="review", billable=True,
        started_at=5 * hour_us, ended_at=6 * hour_us, entry_method="tracker",
    )  # fmt: skip
    return [
        message(event, envelope(subject, actor="system:tracker", source="test"))
        for event in (hired, entry)
    ]


@pytest.mark.parametrize("name", ["confluent", "kafka-python"])
def test_the_code_of_the_document_reads_what_we_publish(
    name: str, registry: str, own: Settings
) -> None:
    messages = told_by("ines-duarte")
    with Publisher(own.bootstrap_servers) as publisher:
        for one in messages:
            publisher.send(one.topic, one.key, one.value)
    events: list[dict[str, Any]] = []
    names = {
        "REGISTRY": registry,
        "BROKER": own.bootstrap_servers,
        "events": events,
        "wanted": lambda events: len(events) < len(messages),
    }
    exec(code_of(name), names)
    assert [read["event_id"] for read in events] == [one.envelope.event_id for one in messages]
    for read, one in zip(events, messages, strict=True):
        event_type, ours = decode(one.value)
        told = {n: _micros(v) for n, v in read.items()}
        assert to_json(event_type.schema, told) == to_json(event_type.schema, ours)


def _micros(value: Any) -> Any:
    is_time = isinstance(value, datetime)
    return (value - EPOCH) // timedelta(microseconds=1) if is_time else value


def test_confluents_deserializer_reads_the_golden_event_of_every_version(registry: str) -> None:
    with SchemaRegistryClient({"url": registry}) as client:
        deserialize: Any = AvroDeserializer(client)  # pyright: ignore
        for version in SHIPPED:
            read = deserialize(version.golden, context_of(version))
            event_type, ours = decode(version.golden)
            told = {name: _micros(value) for name, value in read.items()}
            assert to_json(version.schema, told) == to_json(event_type.schema, ours)


def test_confluents_serializer_writes_the_bytes_that_we_write(registry: str) -> None:
    version = catalogue().by_name["TimeEntryRecorded"].versions[-1]
    subject = "workforce.experts.TimeEntryRecorded"
    by_record = {"subject.name.strategy": lambda context, record: record}
    with SchemaRegistryClient({"url": registry}) as client:
        schema = client.get_latest_version(subject).schema
        serialize: Any = AvroSerializer(client, schema, conf=by_record)  # pyright: ignore
        _, event = decode(version.golden)
        assert serialize(event, context_of(version)) == version.golden


def context_of(version: Version) -> Any:
    topic = version.schema["namespace"]
    return SerializationContext(topic, MessageField.VALUE)
