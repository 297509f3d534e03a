"""The server as a process: how it starts and ends, and that nothing acknowledged is ever lost."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from infra.clickhouse.__main__ import is_loopback
from tests.infra.clickhouse.server_process import ServerProcess, running, until

WRITER = ("writer", "writer")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of the test's own, not started yet."""
    process = ServerProcess(tmp_path)
    yield process
    if process.process is not None:
        process.end(signal.SIGKILL)


def test_a_signal_lets_the_query_in_hand_finish_and_keeps_what_was_written(
    own: ServerProcess,
) -> None:
    own.start()
    answers: list[str] = []
    with own.client("writer") as client:
        client.post("/", content="CREATE TABLE t (a UInt8) ENGINE MergeTree ORDER BY a")
        client.post("/", content="INSERT INTO t VALUES (7)")

        def ask() -> None:
            query = (
                "SELECT sleepEachRow(0.2), 'in hand' FROM numbers(5) SETTINGS max_block_size = 1"
            )
            answers.append(client.post("/", content=query, params={"max_block_size": 1}).text)

        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: "in hand" in running(client), "the query runs")
        assert own.end(signal.SIGTERM) == 0
        thread.join()
        assert answers == ["0\tin hand\n" * 5]
        own.start()
        assert client.post("/", content="SELECT a FROM t").text == "7\n"
        assert own.end(signal.SIGINT) == 0


def test_a_query_that_will_not_end_is_ended(own: ServerProcess) -> None:
    own.start("--shutdown-timeout-s", "0.5")
    thread = threading.Thread(target=_ask_for_ever, args=(own,))
    thread.start()
    with own.client("writer") as client:
        until(lambda: "sipHash64" in running(client), "the query runs")
    begun = time.monotonic()
    assert own.end() == 0
    assert time.monotonic() - begun < 15
    thread.join()


def _ask_for_ever(server: ServerProcess) -> None:
    query = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"
    try:
        answer = httpx.post(server.url, content=query, auth=WRITER, timeout=60)
        assert answer.headers["X-ClickHouse-Exception-Code"] == "394"
    except httpx.TransportError:
        pass  # the connection may go before the answer is written


def _insert_until_it_fails(server: ServerProcess, first: int) -> list[int]:
    """Insert batches of 1,000 rows, numbered; the numbers of those that were acknowledged."""
    acknowledged: list[int] = []
    with server.client("writer") as client:
        for batch in range(first, first + 100_000):
            rows = "".join(f"{batch},{row}\n" for row in range(1_000))
            try:
                answer = client.post("/", content=f"INSERT INTO t FORMAT CSV\n{rows}")
            except httpx.TransportError:
                break
            assert answer.status_code == 200, answer.text
            acknowledged.append(batch)
    return acknowledged


def _batches_until_killed(server: ServerProcess, first: int) -> list[int]:
    """Insert from two clients, kill the server amid it; what it had acknowledged."""
    with ThreadPoolExecutor(2) as pool:
        starts = (first, first + 500_000)
        inserts = [pool.submit(_insert_until_it_fails, server, start) for start in starts]
        count = f"SELECT uniqExact(batch) > 20 FROM t WHERE batch >= {first}"
        with server.client("writer") as client:
            until(lambda: client.post("/", content=count).text == "1\n", "batches arrive")
        server.end(signal.SIGKILL)
        return [batch for insert in inserts for batch in insert.result()]


def test_nothing_acknowledged_is_lost_when_the_server_is_killed_amid_inserts(
    own: ServerProcess,
) -> None:
    own.start()
    create = "CREATE TABLE t (batch UInt64, row UInt64) ENGINE MergeTree ORDER BY (batch, row)"
    httpx.post(own.url, content=create, auth=WRITER)
    acknowledged: list[int] = []
    for kill in range(3):
        acknowledged += _batches_until_killed(own, kill * 1_000_000)
        own.start()
    query = "SELECT batch, count(), uniqExact(row) FROM t GROUP BY batch"
    found: set[int] = set()
    for line in httpx.post(own.url, content=query, auth=WRITER).text.splitlines():
        batch, rows, different = map(int, line.split("\t"))
        assert (rows, different) == (1_000, 1_000), "a batch is there wholly or not at all"
        found.add(batch)
    assert len(acknowledged) > 40
    assert set(acknowledged) <= found


def _start(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.clickhouse", "--data-dir", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_an_address_that_others_can_reach_is_refused(tmp_path: Path) -> None:
    ended = _start("--host", "0.0.0.0", "--port", "0", folder=tmp_path / "data")
    assert ended.returncode == 2
    assert "--allow-remote" in ended.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.0.2.1", False),
        ("localhost.example.org", False),
    ],
)
def test_only_this_machine_reaches_a_loopback_address(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_one_name_for_both_accounts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKLEDGER_CLICKHOUSE_READER", "writer")
    ended = _start("--port", "0", folder=tmp_path / "data")
    assert ended.returncode == 1
    assert "must have different names" in ended.stderr


def test_a_port_in_use_is_told_in_a_line(server: ServerProcess, tmp_path: Path) -> None:
    ended = _start("--port", str(server.port), folder=tmp_path / "other")
    assert ended.returncode == 1
    assert f"127.0.0.1:{server.port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_in_use_is_told_in_a_line(server: ServerProcess) -> None:
    ended = _start("--port", "0", folder=server.folder / "data")
    assert ended.returncode == 1
    assert str(server.folder / "data") in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_accounts_come_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "WORKLEDGER_CLICKHOUSE_WRITER": "ledger",
        "WORKLEDGER_CLICKHOUSE_WRITER_PASSWORD": "päss:word",
        "WORKLEDGER_CLICKHOUSE_READER": "analyst",
        "WORKLEDGER_CLICKHOUSE_READER_PASSWORD": "",
    }
    own = ServerProcess(tmp_path, environment=environment)
    own.start("--database", "books")
    try:
        writer = {"X-ClickHouse-User": "ledger", "X-ClickHouse-Key": "päss:word".encode()}
        assert httpx.post(own.url, content="SELECT 1", auth=("ledger", "päss:word")).text == "1\n"
        url = {"query": "SELECT currentDatabase()", "user": "analyst"}
        assert httpx.get(own.url, params=url).text == "books\n"
        assert httpx.post(own.url, content="SELECT 1", auth=WRITER).status_code == 403
        assert httpx.post(own.url, content="SELECT 2", headers=writer).text == "2\n"
    finally:
        own.end()


def test_the_log_has_times_and_says_what_was_refused(
    server: ServerProcess, http: httpx.Client
) -> None:
    http.post("/", content="SELECT nope", params={"query_id": "some-query"})
    lines = [line for line in server.log.splitlines() if "some-query" in line]
    assert len(lines) == 1
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO .*: code 47, ", lines[0])
