"""Dead letters as ClickHouse holds them, in chunks that are bounded in number and in bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

import polars as pl
from clickhouse_connect.driver.client import Client

from schemas.log_address import LogAddress
from streams.dead_letters import Letter

LETTERS_MAX = 1_000
BYTES_MAX = 16 * 1024 * 1024
BEFORE_ALL = LogAddress("", 0, -1)

# A record that several projections refused is one letter.
CHOSEN = """FROM dead_letters WHERE ({topic:String} = '' OR topic = {topic:String})
AND ({cause:String} = '' OR cause = {cause:String})
AND ({offset:Int64} < 0 OR (partition = {partition:UInt16} AND offset = {offset:Int64}))"""
BEHIND = """AND (topic, partition, offset) >
({after_topic:String}, {after_partition:UInt16}, {after_offset:Int64})"""
PLACES = f"""SELECT topic, partition, offset, any(length(value)) {CHOSEN} {BEHIND}
GROUP BY topic, partition, offset ORDER BY topic, partition, offset LIMIT {LETTERS_MAX}"""
LETTERS = f"""SELECT topic, partition, offset, any(cause), any(reason), any(event_key), any(value)
{CHOSEN} {BEHIND} AND (topic, partition, offset) <=
({{last_topic:String}}, {{last_partition:UInt16}}, {{last_offset:Int64}})
GROUP BY topic, partition, offset ORDER BY topic, partition, offset"""


class Chosen(NamedTuple):
    """Which dead letters are meant: all, unless something is given."""

    address: LogAddress | None = None
    cause: str | None = None
    topic: str | None = None


def count_letters(client: Client, chosen: Chosen) -> int:
    """How many records the chosen letters are."""
    sql = f"SELECT uniqExact(topic, partition, offset) {CHOSEN}"
    [(count,)] = client.query(sql, parameters=_parameters(chosen)).result_rows
    return int(count)


def read_letters(client: Client, chosen: Chosen) -> Iterator[list[Letter]]:
    """The chosen letters in the order of the log, a chunk at a time.

    A chunk has at most `LETTERS_MAX` letters, and `BYTES_MAX` unless one alone is larger.
    """
    after = BEFORE_ALL
    while True:
        parameters = _parameters(chosen) | _place("after", after)
        places = list(client.query(PLACES, parameters=parameters).result_rows)
        if not places:
            return
        totals = accumulate(int(place[3]) for place in places)
        count = max(1, sum(total <= BYTES_MAX for total in totals))
        last = LogAddress(*places[count - 1][:3])
        yield _read_chunk(client, parameters | _place("last", last))
        after = last


def _read_chunk(client: Client, parameters: dict[str, Any]) -> list[Letter]:
    # As Arrow, since bytes that are no text come back as they are.
    table: Any = client.query_arrow(LETTERS, parameters=parameters, use_strings=False)
    frame: Any = pl.from_arrow(table)
    frame.columns = Letter._fields
    texts = frame.cast(dict.fromkeys(("topic", "cause", "reason"), pl.String))
    return [Letter(*row) for row in texts.iter_rows()]


def _parameters(chosen: Chosen) -> dict[str, Any]:
    at = chosen.address or LogAddress(chosen.topic or "", 0, -1)
    return at._asdict() | {"cause": chosen.cause or ""}


def _place(prefix: str, at: LogAddress) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in at._asdict().items()}
