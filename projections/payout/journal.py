"""The journal: which accounts each kind of line moves, and the postings of a batch's lines."""

from typing import NamedTuple

import polars as pl

EXPENSE, PAYABLE, DISPUTED = "expense.expert_work", "payable", "disputed"


class Move(NamedTuple):
    """What a kind of line posts: its amount is a debit of one account and a credit of the other."""

    kind: str
    debit: str
    credit: str


MOVES: dict[str, Move] = {
    "worked": Move("earned", EXPENSE, PAYABLE),
    "excepted": Move("excepted", EXPENSE, PAYABLE),
    "adjusted": Move("adjusted", EXPENSE, PAYABLE),
    "rate_difference": Move("rate_changed", EXPENSE, PAYABLE),
    "reversed": Move("reversed", EXPENSE, PAYABLE),
    "disputed": Move("disputed", PAYABLE, DISPUTED),
    "upheld": Move("upheld", DISPUTED, PAYABLE),
    "refused": Move("refused", DISPUTED, EXPENSE),
}
"""By the kind of a line; a line of another kind, or one that waits, posts nothing.

The amount of what takes away is below zero, so its debit is a credit (`reversed`)."""

ON_DISPUTED: dict[str, Move] = {
    "rate_difference": Move("disputed_rate_changed", EXPENSE, DISPUTED),
    "reversed": Move("disputed_reversed", EXPENSE, DISPUTED),
}
"""What these post on top of a line that is disputed: the money waits with it."""

NOT_POSTED = ("waiting", "unbilled")


SIDES = pl.LazyFrame(
    [
        (kind, is_disputed, move.kind, account, sign, side)
        for is_disputed, moves in ((False, MOVES), (True, MOVES | ON_DISPUTED))
        for kind, move in moves.items()
        for side, (account, sign) in enumerate(((move.debit, 1), (move.credit, -1)))
    ],
    schema={
        "kind": pl.String,
        "is_disputed": pl.Boolean,
        "posted_as": pl.String,
        "account": pl.String,
        "sign": pl.Int64,
        "side": pl.UInt16,
    },
    orient="row",
)
"""The two postings of each kind of line."""


def postings(lines: pl.DataFrame) -> pl.DataFrame:
    """The journal entries of the lines that post money, in the columns of `JOURNAL`."""
    posted = (
        lines.lazy()
        .filter(pl.col("status").is_in(NOT_POSTED).not_() & (pl.col("amount_minor") != 0))
        .with_columns(is_disputed=pl.col("status") == "disputed")
    )
    return (
        posted.join(SIDES, on=["kind", "is_disputed"], maintain_order="left_right")
        .select(
            pl.col("line_id").alias("journal_entry_id"),
            pl.col("posted_as").alias("kind"),
            "account",
            "expert_id",
            "project_id",
            pl.col("amount_minor") * pl.col("sign"),
            "currency",
            pl.col("started_at").alias("effective_at"),
            "topic",
            "partition",
            "offset",
            pl.col("number") * 2 + pl.col("side"),
        )
        .collect()
    )
