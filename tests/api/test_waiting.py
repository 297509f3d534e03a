"""One caller that waits, or a broker or an issuer that is away, holds up nobody else."""

from __future__ import annotations

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from clickhouse_connect.driver.client import Client as ClickHouse

from api.access.roles import Role
from api.access.signing_keys import SigningKeys
from api.app import Ledger, create_app
from api.ingest.gateway import Gateway, OverloadedError
from api.ingest.judging import Judged
from infra.log_ends import LogEnds
from infra.stack import Stack, processes
from projections.payout.fold import payout
from streams.publisher import Publisher
from tests.api.logs import KnownLog
from tests.api.serving import serving
from tests.infra.kept_histories import keep
from tests.local_stack import local_settings
from tests.projections.payout_events import READY

pytestmark = pytest.mark.stack
Headers = dict[Role, dict[str, str]]
LINES = "/v1/payouts/lines"


def test_readers_that_wait_hold_up_neither_others_nor_the_end(
    ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse, as_role: Headers
) -> None:
    keep(clickhouse, [*READY], payout)
    read = replace(ledger, reader=lambda: reader, log=KnownLog())
    waits = as_role[Role.expert] | {"Prefer": "wait=30"}
    token = {"min_token": "workforce.experts/3/999999"}
    with ThreadPoolExecutor(50) as pool:
        with serving(create_app({}, read)) as address:
            base = f"http://{address}"
            waiting = [
                pool.submit(httpx.get, base + LINES, params=token, headers=waits, timeout=60)
                for _ in range(50)
            ]
            time.sleep(2)
            answer = httpx.get(base + LINES, headers=as_role[Role.finance], timeout=60)
            assert answer.status_code == 200
            assert not any(one.done() for one in waiting)
            began = time.monotonic()
        assert time.monotonic() - began < 20  # `serving` waits for the server's end


def test_a_broker_that_is_away_stops_no_read(stack: Stack, tmp_path: Path) -> None:
    alone = Stack(local_settings(tmp_path, clickhouse_url=stack.settings.clickhouse_http_url))
    alone.up()
    ends = LogEnds(alone.settings.bootstrap_servers)
    try:
        assert LogEnds("127.0.0.1:1")("workforce.experts") is None
        known = ends("workforce.experts")
        assert known
        process = processes.running(alone.part("broker").pid_path)
        assert process
        for number in (signal.SIGSTOP, signal.SIGKILL):
            process.send(number)
            time.sleep(1.2)
            began = time.monotonic()
            assert ends("workforce.experts") == known
            ends("workforce.tasks")
            ends("workforce.experts")
            assert time.monotonic() - began < 6
    finally:
        alone.down()


def test_nobody_waits_in_turn_for_a_broker_that_does_not_answer() -> None:
    gateway = Gateway(lambda: Publisher("127.0.0.1:1", block_ms=2_000))
    event = Judged(b"value", "workforce.experts", b"key", "id")

    def refused(_: int) -> bool:
        with pytest.raises(OverloadedError):
            gateway.accept([event])
        return True

    began = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(refused, range(6)))
    assert time.monotonic() - began < 4


def test_an_issuer_that_does_not_answer_holds_up_no_known_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        keys = SigningKeys(url, f"{url}/jwks")
        keys._keys, keys._fetched_s = {"known": cast(Any, "key")}, time.monotonic()
        asking = threading.Thread(target=keys.key, args=("made up",))
        asking.start()
        time.sleep(0.3)
        began = time.monotonic()
        assert keys.key("known") == "key"
        assert time.monotonic() - began < 1
        asking.join()
