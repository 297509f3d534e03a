"""What payout tells: a row a line, and two postings a payable line."""

from typing import Annotated, NamedTuple

import polars as pl

from projections.tables import code, hex_bytes, integer, moment, table_of, text, uuid_id


class PayoutLine(NamedTuple):
    """A stretch of one time entry with one rate and one status: what is owed for it, or why not."""

    line_id: Annotated[bytes, uuid_id("The line's id, derived from its entry's event and stretch.")]
    expert_id: Annotated[str, text("Who worked.")]
    project_id: Annotated[str, text("For which project.")]
    entry_id: Annotated[str, text("The time entry that the line is a stretch of.")]
    status: Annotated[str, code("`payable`; `waiting` for a person; or `unbilled`, never paid.")]
    reason: Annotated[
        str,
        code(
            "Why it is not payable: overlap, not_hired, not_staffed, awaiting_terms, no_rate, "
            "not_billable; empty where it is."
        ),
    ]
    started_at: Annotated[int, moment("First instant of the stretch, UTC.")]
    ended_at: Annotated[int, moment("First instant after the stretch, UTC.")]
    duration_ms: Annotated[int, integer("Length of the stretch in milliseconds.")]
    rate_minor_per_hour: Annotated[
        int, integer("Rate in force, minor units an hour; 0 where there is none.")
    ]
    amount_minor: Annotated[
        int,
        integer(
            "Duration times rate, rounded once, half away from zero, in minor units. On a waiting "
            "line: what it would come to."
        ),
    ]
    currency: Annotated[str, code("ISO 4217 code of the amount; empty where there is no rate.")]
    terms_sha256: Annotated[
        bytes, hex_bytes("SHA-256 of the terms accepted before the entry began; empty if none.")
    ]


class Posting(NamedTuple):
    """One side of a journal entry. The postings of an entry sum to zero in each currency."""

    journal_entry_id: Annotated[bytes, uuid_id("The journal entry: the line that it posts.")]
    kind: Annotated[str, code("What happened: `earned`.")]
    account: Annotated[str, code("`expense.expert_work` or `payable`.")]
    expert_id: Annotated[str, text("Whom the money is owed to.")]
    project_id: Annotated[str, text("The project that bears it.")]
    amount_minor: Annotated[int, integer("Minor units; a debit is above zero, a credit below.")]
    currency: Annotated[str, code("ISO 4217 code.")]
    effective_at: Annotated[int, moment("When the work was done: the start of the stretch, UTC.")]


LINES = table_of(PayoutLine, "payout_lines", ("expert_id",))
JOURNAL = table_of(Posting, "payout_journal", ("expert_id",))

EARNED = (("expense.expert_work", 1), ("payable", -1))
"""Accounts that work earned moves, and the sign of the amount on each."""


def postings(lines: pl.DataFrame) -> pl.DataFrame:
    """The journal entry of every payable line that comes to money, in the columns of `JOURNAL`."""
    earned = lines.filter((pl.col("status") == "payable") & (pl.col("amount_minor") != 0))
    first = pl.col("number").cast(pl.UInt16) * len(EARNED)
    sides = [
        earned.select(
            pl.col("line_id").alias("journal_entry_id"),
            pl.lit("earned").alias("kind"),
            pl.lit(account).alias("account"),
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
        for side, (account, sign) in enumerate(EARNED)
    ]
    return pl.concat(sides)
