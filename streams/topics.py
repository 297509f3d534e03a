"""The topics of the ledger, what each is keyed by, and how they are made."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from schemas.partitioning import PARTITIONS
from streams import kafka_clients

DAY_MS = 24 * 60 * 60 * 1000
FOREVER_MS = -1
ACTIVITY_RETENTION_MS = 30 * DAY_MS
"""Watching people is not to be kept for ever; the archive keeps what its policy allows."""

MESSAGE_BYTES_MAX = 1024 * 1024
DEAD_LETTER_BYTES_MAX = 2 * MESSAGE_BYTES_MAX
"""A dead letter holds the bytes of the event and says where it lay and what is wrong with it."""

RETRY_S = 0.2


class TopicError(Exception):
    """The topics cannot be made or are not what the ledger needs; a sentence for people."""


@dataclass(frozen=True)
class Topic:
    """A topic: what its keys are and how long it holds events (-1: for ever)."""

    name: str
    key: str
    retention_ms: int = FOREVER_MS
    message_bytes_max: int = MESSAGE_BYTES_MAX
    partitions: int = PARTITIONS


EXPERTS = Topic("workforce.experts", key="expert_id")
TASKS = Topic("workforce.tasks", key="task_id")
ACTIVITY = Topic("workforce.activity", key="expert_id", retention_ms=ACTIVITY_RETENTION_MS)
PROJECTS = Topic("workforce.projects", key="project_id")
PAYOUTS = Topic("workforce.payouts", key="pay_calendar_id")
POLICIES = Topic("workforce.policies", key="the policy's name")
TOKENS = Topic("workforce.tokens", key="the token")
AUDIT = Topic("workforce.audit", key="actor")
DEAD_LETTERS = Topic(
    "workforce.dead-letters",
    key="topic, partition and offset of the event",
    message_bytes_max=DEAD_LETTER_BYTES_MAX,
)

EVENT_TOPICS: tuple[Topic, ...] = (
    EXPERTS, TASKS, ACTIVITY, PROJECTS, PAYOUTS, POLICIES, TOKENS, AUDIT,
)  # fmt: skip
TOPICS: tuple[Topic, ...] = (*EVENT_TOPICS, DEAD_LETTERS)


def ensure_topics(
    bootstrap_servers: str,
    replication_factor: int = 1,
    *,
    topics: Iterable[Topic] = TOPICS,
    timeout_s: float = 30.0,
) -> list[str]:
    """Make those of `topics` that the broker lacks; answer the names of those that were made.

    Returns when each partition has a leader; blocks for at most about `timeout_s`. Idempotent,
    also when several do it at once. Raises TopicError where a topic exists with another number
    of partitions or without the broker's time, or where the broker does not comply in time.
    """
    wanted = {topic.name: topic for topic in topics}
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with kafka_clients.admin(
                bootstrap_servers=bootstrap_servers,
                bootstrap_timeout_ms=max(1, int((deadline - time.monotonic()) * 1000)),
            ) as admin:
                made = _make_missing(admin, wanted, replication_factor)
                admin.wait_for_topics(list(wanted))
                _check(admin, wanted)
                return made
        except KafkaError as error:
            # A broker that has just started knows no place for partitions yet.
            if time.monotonic() + RETRY_S >= deadline:
                raise TopicError(
                    f"The topics could not be made at {bootstrap_servers} within "
                    f"{timeout_s:g} s: {error}"
                ) from error
            time.sleep(RETRY_S)


def _make_missing(admin: Any, wanted: dict[str, Topic], replication_factor: int) -> list[str]:
    existing = set(admin.list_topics())
    missing = [name for name in wanted if name not in existing]
    if missing:
        try:
            admin.create_topics(
                {name: _specification(wanted[name], replication_factor) for name in missing}
            )
        except TopicAlreadyExistsError:
            return _make_missing(admin, wanted, replication_factor)  # somebody else was quicker
    return missing


def _specification(topic: Topic, replication_factor: int) -> dict[str, object]:
    configs = {
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(topic.message_bytes_max),
        "unclean.leader.election.enable": "false",
        "min.insync.replicas": str(min(2, replication_factor)),
    }
    return {
        "num_partitions": topic.partitions,
        "replication_factor": replication_factor,
        "configs": configs,
    }


def _check(admin: Any, wanted: dict[str, Topic]) -> None:
    for found in admin.describe_topics(list(wanted)):
        topic = wanted[found["name"]]
        partitions = len(found["partitions"])
        if partitions != topic.partitions:
            raise TopicError(
                f"{topic.name} has {partitions} partitions instead of {topic.partitions}; keys "
                "decide the partition, so this number is for life: make the topic anew."
            )
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted]
    described = admin.describe_configs(resources, config_filter="all")
    for name, configs in described["topic"].items():
        if configs["message.timestamp.type"]["value"] != "LogAppendTime":
            raise TopicError(
                f"{name} does not bear the broker's time; set its message.timestamp.type to "
                "LogAppendTime before anything is written to it."
            )
