"""Verifying while the log grows: what comes in meanwhile is no difference, and is waited for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clickhouse_connect.driver.client import Client

from infra.verify.checks import Verifier
from infra.verify.wait import wait_for
from projections.archive import archive
from streams.offsets import LogOffsets
from tests.infra.kept_histories import keep
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
TOPIC, PARTITION = "workforce.experts", 3
EVENTS = [*READY, entry(0, 1, "e0"), entry(1, 2, "e1")]


def growing(*ends: int) -> Callable[[str], list[LogOffsets]]:
    """A log whose partition ends there each time that it is asked, at the last end for good."""
    left = list(ends)

    def offsets(topic: str) -> list[LogOffsets]:
        if topic != TOPIC:
            return []
        return [LogOffsets(topic, PARTITION, 0, left.pop(0) if len(left) > 1 else left[0])]

    return offsets


def differences(clickhouse: Client, *ends: int) -> list[str]:
    verifier = Verifier(clickhouse, growing(*ends), lambda *_: [], ["archive"])
    return verifier.every_offset().differences


def test_an_event_that_came_in_meanwhile_is_no_difference(clickhouse: Client) -> None:
    keep(clickhouse, EVENTS, archive)
    last = len(EVENTS) - 1
    assert differences(clickhouse, last + 1) == []
    assert differences(clickhouse, last, last + 1) == []
    [found] = differences(clickhouse, last)
    assert f"ClickHouse has offset {last}, Kafka ends before {last}" in found


def test_who_waits_waits_for_what_the_last_events_brought_about(clickhouse: Client) -> None:
    keep(clickhouse, EVENTS, archive)
    known = len(EVENTS)
    assert wait_for(clickhouse, growing(known), 0.5, projections=["archive"]) == 0
    assert wait_for(clickhouse, growing(known, known + 2), 0.5, projections=["archive"]) == 2
