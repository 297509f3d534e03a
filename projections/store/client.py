"""The connection to ClickHouse, and columns to it and back as Arrow streams."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import clickhouse_connect
import polars as pl
import pyarrow  # pyright: ignore[reportMissingTypeStubs]
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.external import ExternalData

INSERT_SETTINGS = {
    # In a JSON column a text that looks like a date stays a text.
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    # A round's rows differ in their keys: to look for equal ones costs a third of an insert.
    "optimize_on_insert": 0,
}
ID_BYTES = 16
FEW_TEXTS_MAX, FEW_BYTES_MAX = 500, 1 << 15
"""So many texts are written into the statement that looks for them.

A table that comes with a query costs the engine 5 to 9 ms, whatever it holds; of 600 texts their
reading costs as much. A statement may have 256 KiB.
"""
GIVEN = re.compile(r"\bIN \{(\w+)\}")
arrow = cast(Any, pyarrow)


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


def insert_frame(
    client: Client, table: str, frame: pl.DataFrame, structure: str = "", **settings: int
) -> None:
    """Insert the columns of a frame as one block.

    `structure` says as what the columns come where that is not what the table keeps:
    `json_as_text` of a table with JSON. The reader of Arrow makes JSON of a text without asking
    the settings, and an id that looks like a date would be one.
    """
    if frame.is_empty():
        return
    columns = ", ".join(f"`{name}`" for name in frame.columns)
    read = f" SELECT {columns} FROM input({quoted(structure)})" if structure else ""
    sink = arrow.BufferOutputStream()
    sink.write(f"INSERT INTO {table} ({columns}){read} FORMAT ArrowStream\n".encode())
    _write(sink, frame)
    # The statement stands before its data in one buffer, which goes out as it is: each copy of a
    # large round's rows, in Python, holds up the fold of the next round.
    body = memoryview(sink.getvalue())
    cast(Any, client).raw_insert(insert_block=body, settings=INSERT_SETTINGS | settings)


def read_frame(
    client: Client, sql: str, given: Mapping[str, pl.Series] | None = None
) -> pl.DataFrame:
    """The answer of a query as columns; strings come as bytes.

    The statement says `IN {name}` of what `given` has by that name (texts, or ids of 16 bytes). Few
    texts are written there; others come with the query as tables of one column: to read a hundred
    thousand of them out of the statement costs more than to look them up. Raises `ValueError` where
    the statement names others than are given.
    """
    given, named = given or {}, set(GIVEN.findall(sql))
    if named != given.keys():
        raise ValueError(f"the statement looks for {sorted(named)}, given are {sorted(given)}")
    external: Any = None
    written = {name: _written(values) for name, values in given.items()}
    for name, values in given.items():
        if written[name]:
            continue
        # As text, an id that ends with a zero byte would not be found: FixedString loses it there.
        kind = f"FixedString({ID_BYTES})" if values.dtype == pl.Binary else "String"
        table: dict[str, Any] = {
            "file_name": name,
            "fmt": "ArrowStream",
            "structure": [f"value {kind}"],
            "data": arrow_stream(values.to_frame("value")),
        }
        if external is None:
            external = ExternalData(**table)
        else:
            external.add_file(**table)
    # In one pass: what a text holds is not looked at again.
    sql = GIVEN.sub(lambda found: f"IN {written[found[1]] or found[1]}", sql)
    table = cast(Any, client).query_arrow(sql, external_data=external, use_strings=False)
    return cast(pl.DataFrame, cast(Any, pl).from_arrow(table))


def quoted(text: str) -> str:
    """A literal of a text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def _written(values: pl.Series) -> str:
    """The list of few texts as a statement says it; empty where they are many, or none, or ids."""
    if values.dtype != pl.String or not 0 < len(values) <= FEW_TEXTS_MAX:
        return ""
    told = f"({', '.join(map(quoted, values.to_list()))})"
    return told if len(told) <= FEW_BYTES_MAX else ""


def arrow_stream(frame: pl.DataFrame) -> bytes:
    """A frame as one Arrow record batch in a stream."""
    sink = arrow.BufferOutputStream()
    _write(sink, frame)
    return sink.getvalue().to_pybytes()


def _write(sink: Any, frame: pl.DataFrame) -> None:
    # Written by pyarrow, since polars takes five times as long to write the same into memory.
    table = cast(Any, frame.rechunk()).to_arrow(compat_level=pl.CompatLevel.oldest())
    with arrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
