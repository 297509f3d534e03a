"""A broker of each integration test's own beside the session's engine: topics start empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import Settings
from infra.stack import Stack
from projections.store.client import Address
from tests.integration.workers import settings_for
from tests.local_stack import local_settings


@pytest.fixture
def own(stack: Stack, clickhouse_address: Address, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a broker with empty topics, and a database with empty tables."""
    server = stack.settings
    mine = local_settings(tmp_path, clickhouse_url=server.clickhouse_http_url)
    settings = settings_for(mine, clickhouse_address, tmp_path)
    broker = Stack(settings)
    broker.up()
    yield settings
    broker.down()
