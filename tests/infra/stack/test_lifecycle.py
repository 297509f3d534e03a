"""The local stack is started, watched and stopped, and survives the death of its parts."""

from __future__ import annotations

import json
import signal
from uuid import uuid4

import clickhouse_connect
import httpx
import pytest
from kafka.structs import TopicPartition

from infra.settings import Settings
from infra.stack import Stack, processes
from projections.registry import PROJECTIONS
from streams import kafka_clients
from streams.publisher import Publisher
from tests.commands import run_workledger
from tests.infra.stack.conftest import processes_of
from tests.integration.workers import until

pytestmark = pytest.mark.stack


def pids(stack: Stack) -> list[int | None]:
    return [part.pid for part in stack.status()]


def kill(stack: Stack, part: str) -> None:
    process = processes.running(stack.part(part).pid_path)
    assert process
    process.send(signal.SIGKILL)
    while process.is_alive():
        pass


def test_up_again_leaves_what_runs_alone(own_stack: Stack) -> None:
    before = pids(own_stack)
    assert [part.state for part in own_stack.up()] == ["up", "up"]
    assert pids(own_stack) == before


def test_down_leaves_nothing_running_and_may_be_said_twice(own_stack: Stack) -> None:
    assert len(processes_of(own_stack.settings.home)) == 2
    own_stack.down()
    assert processes_of(own_stack.settings.home) == []
    assert [part.state for part in own_stack.status()] == ["down", "down"]
    own_stack.down()
    assert [part.state for part in own_stack.status()] == ["down", "down"]


def test_acknowledged_events_outlive_a_broker_that_was_killed(own_stack: Stack) -> None:
    key = str(uuid4()).encode()
    with Publisher(own_stack.settings.bootstrap_servers) as publisher:
        answers = [
            publisher.send("workforce.experts", key, b"value %d" % number) for number in range(500)
        ]
        publisher.flush()
        kill(own_stack, "broker")
    own_stack.up()
    places = [answer.get(timeout=0) for answer in answers]
    partition = TopicPartition("workforce.experts", places[0].partition)
    with kafka_clients.consumer(bootstrap_servers=own_stack.settings.bootstrap_servers) as consumer:
        consumer.assign([partition])
        consumer.seek(partition, places[0].offset)
        values: list[bytes] = []
        while len(values) < 500:
            for records in consumer.poll(timeout_ms=200).values():
                values += [record.value for record in records]
    assert values == [b"value %d" % number for number in range(500)]


def test_acknowledged_rows_outlive_a_clickhouse_that_was_killed(own_stack: Stack) -> None:
    settings = own_stack.settings
    table = f"t{uuid4().hex}"
    client = clickhouse_connect.get_client(
        host=settings.host,
        port=settings.clickhouse_port,
        username=settings.clickhouse_writer,
        password=settings.clickhouse_writer_password,
        database=settings.clickhouse_database,
    )
    try:
        client.command(f"CREATE TABLE {table} (n UInt64) ENGINE = MergeTree ORDER BY n")
        client.insert(table, [[number] for number in range(100)], column_names=["n"])
        kill(own_stack, "clickhouse")
        own_stack.up()
        assert client.query(f"SELECT sum(n) FROM {table}").result_rows == [(4950,)]
    finally:
        client.close()


def lag_of(settings: Settings) -> int:
    _, output, _ = run_workledger(settings, "status", "--json")
    return sum(one["lag_events"] for one in json.loads(output)["projections"])


def test_status_on_the_command_line_says_where_everything_is(own_stack: Stack) -> None:
    whole = Stack.whole(own_stack.settings)
    whole.up()
    until(lambda: lag_of(own_stack.settings) == 0)
    code, output, _ = run_workledger(own_stack.settings, "status", "--json")
    told = json.loads(output)
    parts = {part["name"]: part for part in told["parts"]}
    assert code == 0
    assert [one["projection"] for one in told["projections"]] == [*PROJECTIONS]
    assert {one["lag_events"] for one in told["projections"]} == {0}
    assert parts["broker"]["address"] == own_stack.settings.bootstrap_servers
    assert parts["clickhouse"]["address"] == own_stack.settings.clickhouse_http_url
    assert [part["pid"] for part in parts.values()] == pids(whole)
    assert all(part["healthy"] and part["uptime_s"] >= 0 for part in parts.values())
    ready = httpx.get(f"{parts['api']['address']}/health/ready")
    assert ready.json() == {"status": "ready", "missing": []}


def test_status_on_the_command_line_says_what_is_down_and_exits_with_1(own_stack: Stack) -> None:
    Stack.whole(own_stack.settings).down()
    own_stack.up()
    kill(own_stack, "clickhouse")
    code, output, _ = run_workledger(own_stack.settings, "status")
    assert code == 1
    assert [line.split()[:2] for line in output.splitlines()[1:]] == [
        ["clickhouse", "down"],
        ["broker", "up"],
        *([f"worker-{name}", "down"] for name in PROJECTIONS),
        ["api", "down"],
    ]


def test_another_port_while_it_runs_is_refused(own_stack: Stack) -> None:
    moved = own_stack.settings.model_copy(update={"broker_port": 1})
    before = pids(own_stack)
    with pytest.raises(Exception, match="run workledger down first"):
        Stack(moved).up()
    assert pids(own_stack) == before


def test_an_external_broker_and_clickhouse_are_used_and_left_running(
    own_stack: Stack, own_settings: Settings
) -> None:
    external = own_settings.model_copy(
        update={
            "home": own_settings.home.with_name("elsewhere"),
            "broker_address": own_settings.bootstrap_servers,
            "clickhouse_url": own_settings.clickhouse_http_url,
        }
    )
    before = pids(own_stack)
    user = Stack(external)
    assert [(part.state, part.external, part.pid) for part in user.up()] == [("up", True, None)] * 2
    user.down()
    assert [part.state for part in user.status()] == ["up", "up"]
    assert processes_of(external.home) == []
    assert pids(own_stack) == before
