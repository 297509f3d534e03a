"""Databases of a test's own on the session's engine."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from projections.registry import PROJECTIONS
from projections.store.clickhouse import create_tables
from projections.store.client import Address, connect, run

_Tables = frozenset[tuple[str, str]]
"""By name: the statement that makes a table or view."""
_free: dict[str, list[tuple[Address, _Tables]]] = defaultdict(list)
"""By engine: databases that a test has given back. To make one anew takes a second."""


@contextmanager
def fresh_database(settings: Settings) -> Iterator[Address]:
    """A database with every table and view, all empty.

    One that was given back is emptied and used again, unless a test has changed its tables.
    """
    user, password = settings.clickhouse_writer, settings.clickhouse_writer_password
    url = settings.clickhouse_http_url
    outside = connect(Address(url, user, password, settings.clickhouse_database))
    address, tables = _free[url].pop() if _free[url] else _made(outside, url, user, password)
    try:
        yield address
    finally:
        if _tables(outside, address) == tables:
            _empty(outside, address)
            _free[url].append((address, tables))
        else:
            run(outside, f"DROP DATABASE {address.database}")
        outside.close()


def _made(outside: Client, url: str, user: str, password: str) -> tuple[Address, _Tables]:
    address = Address(url, user, password, f"test_{uuid.uuid4().hex}")
    run(outside, f"CREATE DATABASE {address.database}")
    client = connect(address)
    create_tables(client, PROJECTIONS.values())
    client.close()
    return address, _tables(outside, address)


def _tables(outside: Client, address: Address) -> _Tables:
    found: Any = outside.query(
        f"SELECT name, create_table_query FROM system.tables WHERE database = '{address.database}'"
    )
    return frozenset(found.result_rows)


def _empty(outside: Client, address: Address) -> None:
    found: Any = outside.query(
        f"SELECT name FROM system.tables WHERE database = '{address.database}' AND total_rows > 0"
    )
    for (name,) in found.result_rows:
        run(outside, f"TRUNCATE TABLE {address.database}.`{name}`")
