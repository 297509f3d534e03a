"""Generations: which tables of a projection readers see, and the one step that changes it.

A projection's rows lie in tables named by generation. One row of `pointers` says which is live;
views read it with every query, so one insert moves every reader at once.
"""

import re
from typing import Any, NamedTuple, cast

from clickhouse_connect.driver.client import Client

from projections.projection import Projection
from projections.store.client import run

POINTERS_ARE = "Which generation of each projection is live; the row with the greatest step counts."
POINTERS = f"""CREATE TABLE IF NOT EXISTS pointers (
  `projection` LowCardinality(String), generation UInt16, is_paused Bool, step UInt64
) ENGINE = ReplacingMergeTree(step) ORDER BY projection
COMMENT '{POINTERS_ARE}'"""
FIRST = 1


class Pointer(NamedTuple):
    """The live generation of a projection."""

    generation: int = FIRST
    is_paused: bool = False
    """Its workers are to stand still, so that two generations can be compared."""
    step: int = 0


def pointer_of(client: Client, projection: Projection) -> Pointer:
    """Where a projection's pointer stands; at the first generation where it never moved."""
    answer: Any = cast(Any, client).query(
        "SELECT generation, is_paused, step FROM pointers FINAL WHERE projection = {name:String}",
        parameters={"name": projection.name},
    )
    return Pointer(*answer.result_rows[0]) if answer.result_rows else Pointer()


def move_pointer(
    client: Client, projection: Projection, generation: int, is_paused: bool = False
) -> None:
    """Let readers and workers have another generation, in one step."""
    step = pointer_of(client, projection).step + 1
    values = f"('{projection.name}', {generation}, {is_paused}, {step})"
    run(client, f"INSERT INTO pointers (projection, generation, is_paused, step) VALUES {values}")


def generations_of(client: Client, projection: Projection) -> list[int]:
    """The generations of a projection that have tables, ascending."""
    answer: Any = cast(Any, client).query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND startsWith(name, {prefix:String})",
        parameters={"prefix": f"{projection.name}_state_g"},
    )
    found = (re.fullmatch(r".*_g(\d+)", name) for (name,) in answer.result_rows)
    return sorted(int(match[1]) for match in found if match)


def live_generation_sql(projection: Projection) -> str:
    """The live generation as a scalar subquery."""
    return (
        f"ifNull((SELECT generation FROM pointers FINAL WHERE projection = '{projection.name}'), "
        f"{FIRST})"
    )
