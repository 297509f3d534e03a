"""Databases of a test's own on the session's engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import Settings
from projections.registry import PROJECTIONS
from projections.store.clickhouse import create_tables
from projections.store.client import Address, connect, run


@contextmanager
def fresh_database(settings: Settings) -> Iterator[Address]:
    """A database with every table and view; dropped at the end."""
    user, password = settings.clickhouse_writer, settings.clickhouse_writer_password
    name = f"test_{uuid.uuid4().hex}"
    url = settings.clickhouse_http_url
    outside = connect(Address(url, user, password, settings.clickhouse_database))
    run(outside, f"CREATE DATABASE {name}")
    address = Address(url, user, password, name)
    client = connect(address)
    create_tables(client, PROJECTIONS.values())
    client.close()
    try:
        yield address
    finally:
        run(outside, f"DROP DATABASE {name}")
        outside.close()
