"""A worker's first moments: what does not answer yet is waited for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from kafka.errors import KafkaError

from infra.connections import ensure_tables
from infra.errors import CommandError
from infra.settings import Settings
from streams import kafka_clients

log = logging.getLogger(__name__)

WAIT_MAX_S = 600.0
"""A worker that was started while nobody answers gives up after this long."""
RETRY_FIRST_S, RETRY_GROWTH, RETRY_MAX_S = 0.5, 2.0, 10.0
ANSWER_MAX_MS = 5_000
"""How long one attempt waits for the broker."""


def wait_for_services(settings: Settings) -> None:
    """Return once the broker answers and every projection has its tables.

    Raises `CommandError` where somebody still does not after `WAIT_MAX_S`.
    """
    _patiently(lambda: _ask_broker(settings.bootstrap_servers))
    _patiently(lambda: ensure_tables(settings))


def _ask_broker(servers: str) -> None:
    try:
        kafka_clients.admin(bootstrap_servers=servers, bootstrap_timeout_ms=ANSWER_MAX_MS).close()
    except KafkaError as error:
        raise CommandError(
            f"The broker does not answer at {servers}. Try: workledger up ({error})"
        ) from error


def _patiently(call: Callable[[], Any]) -> None:
    deadline, wait_s = time.monotonic() + WAIT_MAX_S, RETRY_FIRST_S
    while True:
        try:
            call()
            return
        except CommandError as error:
            if time.monotonic() + wait_s > deadline:
                raise
            log.warning("%s; tried again in %g s", error, wait_s)
        time.sleep(wait_s)
        wait_s = min(wait_s * RETRY_GROWTH, RETRY_MAX_S)
