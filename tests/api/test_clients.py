"""Clients that others wrote: CloudEvents', Confluent's, and one made of the OpenAPI document."""

import importlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from api.access.roles import Role
from projections.payout.fold import payout
from schemas.catalogue import catalogue
from tests.infra.kept_histories import keep
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
Headers = dict[Role, dict[str, str]]
CONFIG = """
post_hooks: []
package_name_override: ledger_client
"""


def test_the_client_of_cloudevents_publishes(served: str, as_role: Headers) -> None:
    told = CloudEvent(
        {"type": "ExpertHired", "source": "hr", "subject": "ines-duarte", "id": "hire-1",
         "actor": "system:hr", "time": datetime(2026, 10, 5, 9, tzinfo=UTC)},
        {"domains": ["poetry"], "country": "PT", "home_zone": "Europe/Lisbon"},
    )  # fmt: skip
    message = to_structured_event(told)
    headers = message.headers | as_role[Role.ingest]
    answer = httpx.post(f"{served}/v1/events", headers=headers, content=message.body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["topic"] == "workforce.experts"


def test_confluents_serializer_writes_what_the_gateway_takes(served: str, as_role: Headers) -> None:
    event_type = catalogue().by_name["ExpertHired"]
    event = event_type.read_json(event_type.versions[-1].event)
    by_record = {"subject.name.strategy": lambda context, record: record}
    with SchemaRegistryClient({"url": served}) as registry:
        schema = registry.get_latest_version(event_type.full_name).schema
        serialize: Any = AvroSerializer(registry, schema, conf=by_record)  # pyright: ignore
        value = serialize(event, SerializationContext(event_type.topic, MessageField.VALUE))
    headers = as_role[Role.ingest] | {"Content-Type": "avro/binary"}
    answer = httpx.post(f"{served}/v1/events", headers=headers, content=value)
    assert answer.status_code == 201, answer.text


def test_a_client_made_of_the_openapi_document_reads(
    served: str, as_role: Headers, clickhouse: Client, tmp_path: Path, monkeypatch: Any
) -> None:
    keep(clickhouse, [*READY, entry(0, 1, "e0")], payout)
    (tmp_path / "config.yml").write_text(CONFIG)
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(httpx.get(f"{served}/schema/openapi.json").json()))
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document),
         "--config", str(tmp_path / "config.yml"), "--meta", "none",
         "--output-path", str(tmp_path / "ledger_client")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    assert "WARNING" not in made.stdout, made.stdout
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("ledger_client")
    lines = importlib.import_module("ledger_client.api.payouts.lines")
    token = as_role[Role.finance]["Authorization"].removeprefix("Bearer ")
    with package.AuthenticatedClient(base_url=served, token=token) as client:
        page = lines.sync(client=client)
    assert [(line.entry_id, line.status) for line in page.data] == [("e0", "payable")]
    assert page.watermark.projection == "payout"
