"""What a row made of the events, so that rows which did not do the same work are not compared."""

from __future__ import annotations

import polars as pl
from clickhouse_connect.driver.client import Client

from projections.payout.rows import JOURNAL, LINES
from projections.store.client import read_frame
from projections.store.layout import table_of
from tests.bench.road import ROAD_LINES, road

Totals = dict[str, tuple[int, ...]]
"""What is counted to its figures: equal where two rows made the same."""
Upto = dict[int, int]
"""Partition to the last offset that is included."""


class WorkError(Exception):
    """A row made nothing, or refused events."""


def totals_of_payout(client: Client, upto: Upto) -> Totals:
    """Lines and journal: count of rows, sum of amounts, and a hash of everything in them."""
    partitions, offsets = list(upto), list(upto.values())
    totals: Totals = {}
    for table in (LINES, JOURNAL):
        frame = read_frame(
            client,
            "SELECT count(), sum(amount_minor), groupBitXor(cityHash64(*)) "
            f"FROM {table.name} "
            f"WHERE `offset` <= transform(partition, {partitions}, {offsets}, -1)",
        )
        totals[table.name] = frame.row(0)
    refused = read_frame(client, "SELECT count() FROM dead_letters").item()
    if refused or not totals[LINES.name][0]:
        raise WorkError(f"{refused} events were refused; {totals} came of the others.")
    return totals


def road_lines_in_clickhouse(client: Client) -> pl.DataFrame:
    """Every line of the fold `road`, from the table that its rows fill."""
    # The table, not the view: Quix Streams keeps its progress in Kafka, where no view sees it.
    table = table_of(road, ROAD_LINES.name)
    return _typed(read_frame(client, f"SELECT * FROM {table} FINAL"))


def totals_of_road(lines: pl.DataFrame, upto: Upto) -> Totals:
    """Count of lines, sum of amounts, sum of final balances, and a hash of everything in them."""
    ends = pl.DataFrame(
        {"partition": list(upto), "upto": list(upto.values())},
        schema={"partition": pl.UInt16, "upto": pl.Int64},
    )
    included = lines.join(ends, on="partition").filter(pl.col("offset") <= pl.col("upto"))
    included = included.drop("upto").sort("partition", "offset")
    if included.is_empty():
        raise WorkError("No lines came of the events.")
    final = included.group_by("expert_id").agg(pl.col("balance_minor").last())
    return {
        "lines": (included.height, int(included["amount_minor"].sum())),
        "balances": (final.height, int(final["balance_minor"].sum())),
        "everything": (int(included.hash_rows(seed=0).sum()),),
    }


def _typed(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(
        pl.col(name).dt.timestamp("us").cast(pl.Int64).alias(name)
        if lines.schema[name].is_temporal()
        else pl.col(name).cast(pl.Int64 if spec.dtype == pl.Datetime("us") else spec.dtype)
        for name, spec in ROAD_LINES.columns.items()
    )
