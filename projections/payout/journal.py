"""The journal: which accounts each kind of line moves, and the postings of a batch's lines."""

from typing import NamedTuple

import polars as pl

from projections.payout.rows import JOURNAL

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

NOT_POSTED = ("waiting", "unbilled")


def postings(lines: pl.DataFrame) -> pl.DataFrame:
    """The journal entries of the lines that post money, in the columns of `JOURNAL`."""
    posted = lines.filter(
        pl.col("kind").is_in(list(MOVES))
        & pl.col("status").is_in(NOT_POSTED).not_()
        & (pl.col("amount_minor") != 0)
    )
    if posted.is_empty():
        return JOURNAL.empty
    moves = pl.DataFrame(
        [(kind, *move) for kind, move in MOVES.items()],
        schema=["kind", "posted_as", "debit", "credit"],
        orient="row",
    )
    posted = posted.join(moves, on="kind", how="left", maintain_order="left")
    first = pl.col("number").cast(pl.UInt16) * 2
    sides = [
        posted.select(
            pl.col("line_id").alias("journal_entry_id"),
            pl.col("posted_as").alias("kind"),
            pl.col(account).alias("account"),
            "expert_id",
            "project_id",
            pl.col("amount_minor") * sign,
            "currency",
            pl.col("started_at").alias("effective_at"),
            "topic",
            "partition",
            "offset",
            (first + side).cast(pl.UInt16).alias("number"),
        )
        for side, (account, sign) in enumerate((("debit", 1), ("credit", -1)))
    ]
    return pl.concat(sides)
