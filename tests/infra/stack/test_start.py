"""What can go wrong while the stack starts is said in a sentence and leaves nothing behind."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from infra.settings import Settings
from infra.stack import Stack, StackError
from tests.commands import run_workledger, start_workledger
from tests.infra.stack.conftest import processes_of
from tests.integration.workers import until
from tests.local_stack import local_settings

pytestmark = pytest.mark.stack


@pytest.fixture
def settings_here(tmp_path: Path) -> Settings:
    """Settings of a stack that has never been started."""
    return local_settings(tmp_path)


@pytest.mark.parametrize("name", ["broker_port", "broker_controller_port", "clickhouse_port"])
def test_a_port_that_is_taken_is_said_with_the_setting_to_change(
    settings_here: Settings, name: str
) -> None:
    port = getattr(settings_here, name)
    with socket.create_server(("127.0.0.1", port)):
        code, output, errors = run_workledger(settings_here, "up")
    assert (code, output) == (1, "")
    assert f"Port {port}, which " in errors
    assert f"(process {psutil.Process().pid})" in errors
    assert f"set WORKLEDGER_{name.upper()} to a free port" in errors
    assert processes_of(settings_here.home) == []


def test_a_missing_java_is_said_with_the_command_that_installs_it(
    settings_here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(settings_here.home))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackError, match=r"needs Java 17 .* install it, .* apt-get install"):
        Stack(settings_here).up()
    assert processes_of(settings_here.home) == []


def test_missing_jars_are_said_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    settings = local_settings(tmp_path, broker_jars=tmp_path / "nowhere")
    with pytest.raises(StackError, match=r"jars are not in .*nowhere; run: make install"):
        Stack(settings).up()


def test_a_part_that_ends_while_it_starts_shows_the_end_of_its_log(tmp_path: Path) -> None:
    settings = local_settings(tmp_path)
    (tmp_path / "data" / "broker").mkdir(parents=True)  # not formatted: Kafka refuses it
    with pytest.raises(StackError, match=r"(?s)broker ended while it started.*meta\.properties"):
        Stack(settings).up()
    assert processes_of(tmp_path) == []


def test_an_external_part_that_does_not_answer_is_named(tmp_path: Path) -> None:
    settings = local_settings(
        tmp_path,
        broker_address="127.0.0.1:1",
        clickhouse_url="http://127.0.0.1:1",
        stack_start_timeout_s=0.2,
    )
    with pytest.raises(StackError, match=r"did not answer within 0.2 s"):
        Stack(settings).up()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["formatting", "starting"])
def test_an_interrupted_up_leaves_nothing_half_started(
    settings_here: Settings, number: signal.Signals, moment: str
) -> None:
    program = {"formatting": "kafka.tools.StorageTool", "starting": "kafka.Kafka"}[moment]
    with start_workledger(settings_here, "up") as up:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not any(
            program in command for command in processes_of(settings_here.home)
        ):
            time.sleep(0.02)
        up.send_signal(number)
        output, said = up.communicate(timeout=30)
    # Where the interrupt comes in the middle of an import, Python ends by the signal itself: for a
    # shell that is 130 as well.
    assert up.returncode in (130, -signal.SIGINT), said
    assert output == ""
    # What was killed is gone as soon as the kernel has got round to it.
    until(lambda: processes_of(settings_here.home) == [], timeout_s=5)


def test_two_ups_at_once_start_one_stack(settings_here: Settings) -> None:
    try:
        with (
            start_workledger(settings_here, "up") as first,
            start_workledger(settings_here, "up") as second,
        ):
            first.communicate(timeout=60)
            second.communicate(timeout=60)
        assert (first.returncode, second.returncode) == (0, 0)
        assert len(processes_of(settings_here.home)) == 2
    finally:
        code, _, _ = run_workledger(settings_here, "down")
    assert code == 0
    assert processes_of(settings_here.home) == []
