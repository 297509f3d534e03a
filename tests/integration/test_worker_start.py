"""A worker that is started before its broker waits for it, and is stopped while it waits."""

from __future__ import annotations

from pathlib import Path

from tests.integration.workers import WorkerProcess, until
from tests.local_stack import local_settings


def test_a_worker_waits_for_a_broker_that_does_not_answer_and_stops_on_request(
    tmp_path: Path,
) -> None:
    settings = local_settings(tmp_path)
    worker = WorkerProcess("payout", settings, tmp_path / "worker.log")
    try:
        until(lambda: "tried again in 0.5 s" in worker.log.read_text())
        told = worker.log.read_text()
        assert f"The broker does not answer at {settings.bootstrap_servers}" in told
        assert worker.terminate() == 0
        assert "Traceback" not in worker.log.read_text()
    finally:
        worker.kill()
