"""The connection to ClickHouse, and columns to it and back as Arrow streams."""

import io
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import clickhouse_connect
import polars as pl
from clickhouse_connect.driver.client import Client

INSERT_SETTINGS = {"input_format_try_infer_dates": 0, "input_format_try_infer_datetimes": 0}
"""In a JSON column a text that looks like a date stays a text."""
QUERY_BYTES_MAX = 1 << 30
"""Look-ups name their keys in the statement: a round's keys must fit."""


@dataclass(frozen=True)
class Address:
    """Where ClickHouse answers and as whom."""

    url: str
    """Such as http://127.0.0.1:18123."""
    user: str
    password: str
    database: str


def connect(address: Address) -> Client:
    """A client that several threads may share: it keeps no session.

    Raises clickhouse-connect's `OperationalError` where nobody answers.
    """
    parts = urlsplit(address.url)
    return cast(Any, clickhouse_connect).get_client(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or (8443 if parts.scheme == "https" else 8123),
        secure=parts.scheme == "https",
        username=address.user,
        password=address.password,
        database=address.database,
        autogenerate_session_id=False,
        compress=False,
    )


def run(client: Client, statement: str) -> None:
    """Run a statement that answers nothing."""
    cast(Any, client).command(statement)


def insert_frame(client: Client, table: str, frame: pl.DataFrame) -> None:
    """Insert the columns of a frame as one block."""
    if frame.is_empty():
        return
    body = io.BytesIO()
    frame.rechunk().write_ipc_stream(body, compat_level=pl.CompatLevel.oldest())
    cast(Any, client).raw_insert(
        table,
        column_names=frame.columns,
        insert_block=body.getvalue(),
        fmt="ArrowStream",
        settings=INSERT_SETTINGS,
    )


def read_frame(client: Client, sql: str) -> pl.DataFrame:
    """The answer of a query as columns; strings come as bytes."""
    settings = {"max_query_size": QUERY_BYTES_MAX}
    table = cast(Any, client).query_arrow(sql, settings=settings, use_strings=False)
    return cast(pl.DataFrame, cast(Any, pl).from_arrow(table))


def literal(text: str) -> str:
    """A text as a ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
