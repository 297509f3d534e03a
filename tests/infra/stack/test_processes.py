"""Only the very process that was started is taken for ours, and it always ends when told to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.stack import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(60)",
]


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "run" / "part.json"
    yield path
    processes.stop([path], timeout_s=0.1)


def start(command: list[str], pid_file: Path) -> processes.Process:
    return processes.spawn(command, {}, pid_file.with_name("log"), pid_file, "127.0.0.1:1")


def test_a_started_process_is_found_again_by_its_file(pid_file: Path) -> None:
    process = start(SLEEP, pid_file)
    assert processes.running(pid_file) == process
    assert process.address == "127.0.0.1:1"


def test_a_process_outlives_the_session_that_started_it(pid_file: Path) -> None:
    process = start(SLEEP, pid_file)
    command = ["ps", "-o", "sid=", "-p", str(process.pid)]
    session = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(session.stdout) == process.pid


def test_another_process_under_a_recycled_id_is_neither_ours_nor_killed(pid_file: Path) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        pid_file.parent.mkdir()
        ours = {"pid": stranger.pid, "born": "an earlier birth", "address": "127.0.0.1:1"}
        pid_file.write_text(json.dumps(ours), encoding="utf-8")
        assert processes.running(pid_file) is None
        processes.stop([pid_file], timeout_s=0.1)
        assert stranger.poll() is None
        stranger.kill()


def test_two_processes_have_different_births(pid_file: Path) -> None:
    first = start(SLEEP, pid_file)
    time.sleep(0.02)  # births are told apart by clock ticks of 10 ms
    second_file = pid_file.with_name("second.json")
    second = start(SLEEP, second_file)
    processes.stop([second_file], timeout_s=5)
    assert first.born != second.born


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"pid": 1}'])
def test_half_a_file_names_no_process(pid_file: Path, content: str) -> None:
    pid_file.parent.mkdir()
    pid_file.write_text(content, encoding="utf-8")
    assert processes.running(pid_file) is None


def test_a_process_that_ignores_sigterm_is_killed_after_the_time_it_had(pid_file: Path) -> None:
    process = start(DEAF, pid_file)
    log = pid_file.with_name("log")
    while "deaf" not in log.read_text(encoding="utf-8"):
        time.sleep(0.01)
    began = time.monotonic()
    processes.stop([pid_file], timeout_s=0.3)
    assert 0.3 <= time.monotonic() - began < 5
    assert not psutil.pid_exists(process.pid)


def test_a_process_that_died_does_not_count_as_running(pid_file: Path) -> None:
    process = start(SLEEP, pid_file)
    process.send(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while processes.running(pid_file) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes.running(pid_file) is None


def test_an_interrupt_waits_until_the_block_is_left() -> None:
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the block is what is tested
        with processes.interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
            steps.append("went on")
        steps.append("never reached")
    assert steps == ["went on"]
