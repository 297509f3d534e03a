"""The topics of the ledger on the real broker."""

from __future__ import annotations

from uuid import uuid4

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.catalogue import catalogue
from streams import kafka_clients
from streams.topics import (
    ACTIVITY,
    DEAD_LETTERS,
    EVENT_TOPICS,
    EXPERTS,
    TOPICS,
    Topic,
    TopicError,
    ensure_topics,
)

pytestmark = pytest.mark.stack


def configs_of(bootstrap_servers: str, topic: Topic) -> dict[str, str]:
    with kafka_clients.admin(bootstrap_servers=bootstrap_servers) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
        described = admin.describe_configs([resource], config_filter="all")
    return {name: entry["value"] for name, entry in described["topic"][topic.name].items()}


def test_the_stack_has_every_topic_with_twelve_partitions(bootstrap_servers: str) -> None:
    with kafka_clients.admin(bootstrap_servers=bootstrap_servers) as admin:
        described = admin.describe_topics([topic.name for topic in TOPICS])
    assert {found["name"]: len(found["partitions"]) for found in described} == {
        "workforce.experts": 12,
        "workforce.tasks": 12,
        "workforce.activity": 12,
        "workforce.projects": 12,
        "workforce.payouts": 12,
        "workforce.policies": 12,
        "workforce.tokens": 12,
        "workforce.audit": 12,
        "workforce.dead-letters": 12,
    }


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_events_bear_the_brokers_time(bootstrap_servers: str, topic: Topic) -> None:
    assert configs_of(bootstrap_servers, topic)["message.timestamp.type"] == "LogAppendTime"


def test_only_activity_is_forgotten(bootstrap_servers: str) -> None:
    kept = {topic.name: configs_of(bootstrap_servers, topic)["retention.ms"] for topic in TOPICS}
    assert kept.pop(ACTIVITY.name) == str(30 * 24 * 60 * 60 * 1000)
    assert set(kept.values()) == {"-1"}


def test_a_dead_letter_may_be_larger_than_the_event_in_it(bootstrap_servers: str) -> None:
    largest = {
        topic.name: int(configs_of(bootstrap_servers, topic)["max.message.bytes"])
        for topic in (EXPERTS, DEAD_LETTERS)
    }
    assert largest[DEAD_LETTERS.name] == 2 * largest[EXPERTS.name]


def test_making_the_topics_again_changes_nothing(bootstrap_servers: str) -> None:
    topic = Topic(f"test-{uuid4()}", key="expert_id")
    assert ensure_topics(bootstrap_servers, topics=[topic]) == [topic.name]
    assert ensure_topics(bootstrap_servers, topics=[topic]) == []


def test_a_topic_with_another_number_of_partitions_is_refused(bootstrap_servers: str) -> None:
    name = f"test-{uuid4()}"
    ensure_topics(bootstrap_servers, topics=[Topic(name, key="expert_id", partitions=3)])
    with pytest.raises(TopicError, match=f"{name} has 3 partitions instead of 12"):
        ensure_topics(bootstrap_servers, topics=[Topic(name, key="expert_id")])


def test_a_topic_with_the_producers_time_is_refused(bootstrap_servers: str) -> None:
    name = f"test-{uuid4()}"
    with kafka_clients.admin(bootstrap_servers=bootstrap_servers) as admin:
        configs = {"message.timestamp.type": "CreateTime"}
        admin.create_topics(
            {name: {"num_partitions": 12, "replication_factor": 1, "configs": configs}},
            wait_for_metadata=True,
        )
    with pytest.raises(TopicError, match=f"{name} does not bear the broker's time"):
        ensure_topics(bootstrap_servers, topics=[Topic(name, key="expert_id")])


def test_a_broker_that_does_not_answer_is_said_in_a_sentence() -> None:
    with pytest.raises(TopicError, match=r"could not be made at 127.0.0.1:1 within 1 s"):
        ensure_topics("127.0.0.1:1", timeout_s=1)


def test_the_topics_are_those_that_the_events_are_written_to() -> None:
    assert sorted(topic.name for topic in EVENT_TOPICS) == catalogue().topics()
