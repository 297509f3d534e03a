"""The session's broker and engine for each integration test alone: topics and tables start empty.

A broker of each test's own would cost five seconds of a processor.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from kafka.errors import KafkaError

from infra.settings import Settings
from infra.stack import Stack
from projections.store.client import Address
from streams import kafka_clients
from streams.topics import TOPICS, ensure_topics
from tests.integration.workers import settings_for

LEFT_WITHIN_S = 30.0
"""A worker that was killed stays in its group until its session has run out (10 s)."""


@pytest.fixture
def own(stack: Stack, clickhouse_address: Address, tmp_path: Path) -> Settings:
    """Settings of a broker with empty topics and no groups, and a database with empty tables."""
    _make_anew(stack.settings.bootstrap_servers)
    return settings_for(stack.settings, clickhouse_address, tmp_path)


def _make_anew(bootstrap_servers: str) -> None:
    """Delete the topics and the groups that earlier tests left, and make the topics again."""
    deadline = time.monotonic() + LEFT_WITHIN_S
    with kafka_clients.admin(bootstrap_servers=bootstrap_servers) as admin:
        while groups := [group["group_id"] for group in admin.list_groups()]:
            try:
                admin.delete_groups(groups)
            except KafkaError:
                assert time.monotonic() < deadline, f"somebody is still in one of {groups}"
                time.sleep(0.2)
        names = {topic.name for topic in TOPICS} & set(admin.list_topics())
        if names:
            admin.delete_topics(sorted(names))
        while {topic.name for topic in TOPICS} & set(admin.list_topics()):
            assert time.monotonic() < deadline, "the topics were not deleted"
            time.sleep(0.05)
    ensure_topics(bootstrap_servers)
