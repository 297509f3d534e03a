"""What payout tells: lines, postings, approvals, holds, and what had no effect."""

from typing import Annotated, NamedTuple

import polars as pl

from projections.tables import Column, code, hex_bytes, integer, moment, table_of, text, uuid_id

NO_LINE = bytes(16)
"""The id of no line."""


def line_or_none(comment: str) -> Column:
    """The id of a line, or nothing."""
    shown = "if({name} = unhex(repeat('00', 16)), '', UUIDNumToString({name}))"
    return Column("FixedString(16)", pl.Binary, comment, "String", shown)


class PayoutLine(NamedTuple):
    """A line as it was opened: a stretch of a time entry with one rate and one status."""

    line_id: Annotated[bytes, uuid_id("The line's id, derived from the event that opened it.")]
    kind: Annotated[
        str,
        code(
            "What opened it: worked, adjusted, excepted, rate_difference, repriced, remainder, "
            "disputed, upheld, refused or reversed."
        ),
    ]
    corrects_line_id: Annotated[
        bytes, line_or_none("The line that it corrects or takes the place of; empty if none.")
    ]
    expert_id: Annotated[str, text("Who worked.")]
    project_id: Annotated[str, text("For which project.")]
    entry_id: Annotated[str, text("The time entry that the line is a stretch of.")]
    session_id: Annotated[str, text("The entry's session; empty if none.")]
    task_id: Annotated[str, text("The entry's task; empty if none.")]
    status: Annotated[
        str,
        code("As opened: payable; waiting for a person; disputed; rejected; or unbilled, never."),
    ]
    reason: Annotated[
        str,
        code(
            "Why it is not payable: overlap, over_cap, not_hired, suspended, offboarded, "
            "not_staffed, awaiting_terms, no_rate, not_billable; empty where it is."
        ),
    ]
    started_at: Annotated[int, moment("First instant of the stretch, UTC.")]
    ended_at: Annotated[int, moment("First instant after the stretch, UTC.")]
    duration_ms: Annotated[
        int,
        integer(
            "What it adds to the time paid, in milliseconds: below zero where time is taken away, "
            "0 where only the rate differs. A policy's increment may round it."
        ),
    ]
    rate_minor_per_hour: Annotated[
        int, integer("Rate in force, minor units an hour; 0 where there is none.")
    ]
    former_rate_minor_per_hour: Annotated[
        int, integer("Of a difference: the rate that was posted before; 0 elsewhere.")
    ]
    amount_minor: Annotated[
        int,
        integer(
            "Duration times rate, rounded once, half away from zero, in minor units; of a "
            "difference, the new amount less what was posted. On a waiting line: what it would "
            "come to."
        ),
    ]
    currency: Annotated[str, code("ISO 4217 code of the amount; empty where there is no rate.")]
    terms_sha256: Annotated[
        bytes, hex_bytes("SHA-256 of the terms accepted before the entry began; empty if none.")
    ]
    policy_version: Annotated[
        str, code("The pay policy in force when the entry began; empty if none.")
    ]
    payable_from: Annotated[
        int, moment("When its review window has passed, UTC: payable then without an approval.")
    ]


class LineClosed(NamedTuple):
    """The end of a line: others stand in its place, or it was rejected."""

    line_id: Annotated[bytes, uuid_id("The line.")]
    expert_id: Annotated[str, text("Who worked.")]
    status: Annotated[str, code("`replaced` by the lines that correct it, or `rejected`.")]


class Approval(NamedTuple):
    """A person approved an entry: its review window is over."""

    expert_id: Annotated[str, text("Who worked.")]
    entry_id: Annotated[str, text("The entry.")]
    approved_at: Annotated[int, moment("When, UTC.")]
    approved_by: Annotated[str, text("Who says so.")]


class HoldChange(NamedTuple):
    """A hold placed, extended or released: a row for each id in its scope where it is placed."""

    hold_id: Annotated[str, text("The hold.")]
    expert_id: Annotated[str, text("Whose pay.")]
    change: Annotated[str, code("placed, extended or released.")]
    scope: Annotated[str, code("entry, session, task, project or all; empty but where placed.")]
    scope_id: Annotated[str, text("The entry, session, task or project; empty for all.")]
    reason: Annotated[str, text("The written reason, which the expert may read.")]
    review_by: Annotated[int, moment("Until when it holds unless somebody extends it, UTC.")]
    decided_by: Annotated[str, text("Who placed, extended or released it.")]


class WithoutEffect(NamedTuple):
    """An event that changed no line, and why: somebody may have meant another entry."""

    expert_id: Annotated[str, text("Whose ledger.")]
    event_type: Annotated[str, code("The event's type.")]
    entry_id: Annotated[str, text("The entry that it names; empty if none.")]
    reason: Annotated[str, text("Why it changed nothing.")]


class Posting(NamedTuple):
    """One side of a journal entry. The postings of an entry sum to zero in each currency."""

    journal_entry_id: Annotated[bytes, uuid_id("The journal entry: the line that it posts.")]
    kind: Annotated[
        str, code("What happened: earned, rate_changed, adjusted, reversed, disputed, upheld, …")
    ]
    account: Annotated[str, code("`expense.expert_work`, `payable` or `disputed`.")]
    expert_id: Annotated[str, text("Whom the money is owed to.")]
    project_id: Annotated[str, text("The project that bears it.")]
    amount_minor: Annotated[int, integer("Minor units; a debit is above zero, a credit below.")]
    currency: Annotated[str, code("ISO 4217 code.")]
    effective_at: Annotated[int, moment("When the work was done: the start of the stretch, UTC.")]


LINES = table_of(PayoutLine, "payout_lines_opened", ("expert_id",))
CLOSED = table_of(LineClosed, "payout_lines_closed", ("expert_id",))
APPROVALS = table_of(Approval, "payout_approvals", ("expert_id",))
HOLDS = table_of(HoldChange, "payout_hold_changes", ("expert_id",))
WITHOUT_EFFECT = table_of(WithoutEffect, "payout_without_effect", ("expert_id",))
JOURNAL = table_of(Posting, "payout_journal", ("expert_id",))
