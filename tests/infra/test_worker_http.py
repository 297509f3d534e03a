"""A worker says over HTTP whether it lives, whether it is ready, and what it measures."""

from __future__ import annotations

import httpx

from infra.worker_http import serve
from streams.readiness import Readiness


def test_ready_names_each_step_that_is_tried_again_until_it_answers() -> None:
    readiness = Readiness("payout")
    server = serve("127.0.0.1", 0, readiness.missing)
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        assert httpx.get(f"{address}/health/live").json() == {"status": "live"}
        assert httpx.get(f"{address}/health/ready").status_code == 200
        readiness.failed("write_rows", ConnectionError("refused"))
        answer = httpx.get(f"{address}/health/ready")
        assert answer.status_code == 503
        assert "write_rows is tried again" in answer.json()["missing"][0]
        assert 'workledger_ready{projection="payout"} 0.0' in httpx.get(f"{address}/metrics").text
        readiness.answered("write_rows")
        assert httpx.get(f"{address}/health/ready").json() == {"status": "ready", "missing": []}
    finally:
        server.shutdown()
        server.server_close()
