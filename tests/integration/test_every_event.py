"""Every event of the catalogue goes the whole way: broker, worker, archive, and back as told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from schemas.catalogue import catalogue
from schemas.identity import derived_id
from schemas.wire import decode, encode
from streams.publisher import Publisher
from tests.integration.workers import catch_up, running
from tests.schemas.events import example_of

pytestmark = pytest.mark.stack


def test_every_event_is_archived_with_its_fields_and_its_bytes(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    values = {
        name: encode(event_type, example_of(event_type, event_id=derived_id(name.encode())))
        for name, event_type in catalogue().by_name.items()
    }
    with Publisher(own.bootstrap_servers) as publisher:
        for name, value in values.items():
            event_type, event = decode(value)
            publisher.send(event_type.topic, event["subject_id"].encode(), value)
            assert event_type.name == name
    with running(own, tmp_path):
        catch_up(clickhouse, own, tmp_path)
    assert clickhouse.query("SELECT reason FROM dead_letters").result_rows == []
    rows = clickhouse.query(
        "SELECT event_type, schema_id, toString(fields), raw FROM events "
        "WHERE actor != 'system:agents'"
    ).result_rows
    assert {str(row[0]): str(row[3]) for row in rows} == {n: v.hex() for n, v in values.items()}
    for name, schema_id, fields, _ in rows:
        event_type, event = decode(values[str(name)])
        assert schema_id == event_type.schema_id
        told = {n: plain(event[n]) for n in event_type.own_fields if event[n] is not None}
        assert without_nulls(json.loads(str(fields))) == told


def plain(value: Any) -> Any:
    """A value as the archive's JSON has it: bytes as hexadecimal, numbers perhaps as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def without_nulls(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
