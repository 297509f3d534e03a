"""The payout rules, a handler an event: what each means for what an expert is owed."""

from collections.abc import Iterator

import polars as pl

from projections.fold import Emit
from projections.payout.pricing import amount_minor, insert_rate, priced
from projections.payout.rows import PayoutLine
from projections.payout.state import DAY_US, Day, Engagement, Expert, Rate, Terms, day_of, payout
from schemas.identity import derived_id


@payout.on("ExpertHired")
def expert_hired(expert: Expert, occurred_at: int) -> None:
    """Hours from here on are an expert's; of two hires the earlier counts."""
    if expert.hired_from is None or occurred_at < expert.hired_from:
        expert.hired_from = occurred_at


@payout.on("ProjectStaffed")
def project_staffed(expert: Expert, occurred_at: int, project_id: str) -> None:
    """Hours on the project from here on may be paid."""
    engagement = expert.engagement(project_id)
    if engagement.staffed_from is None or occurred_at < engagement.staffed_from:
        engagement.staffed_from = occurred_at


@payout.on("TermsAccepted")
def terms_accepted(expert: Expert, occurred_at: int, project_id: str, terms_sha256: bytes) -> None:
    """Entries that begin from here on are under these terms."""
    engagement = expert.engagement(project_id)
    engagement.terms.append(Terms(occurred_at, terms_sha256))
    engagement.terms.sort(key=lambda terms: terms.accepted_at)


@payout.on("RateAgreed")
def rate_agreed(
    expert: Expert,
    offset: int,
    project_id: str,
    rate_minor_per_hour: int,
    currency: str,
    effective_from: int,
) -> None:
    """The rate prices entries that stand later in the log."""
    rate = Rate(effective_from, offset, rate_minor_per_hour, currency)
    insert_rate(expert.engagement(project_id).rates, rate)


payout.on("RateChanged")(rate_agreed)


@payout.on(
    "TimeEntryRecorded",
    first_day=day_of(pl.col("started_at")),
    last_day=day_of(pl.col("ended_at") - 1),
)
def time_entry_recorded(
    expert: Expert,
    first_day: Day,
    last_day: Day,
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    entry_id: str,
    project_id: str,
    billable: bool,
    started_at: int,
    ended_at: int,
) -> None:
    """Cut the entry where instants are taken and where the rate changes; a line a stretch."""
    engagement = expert.engagements.get(project_id) or Engagement()
    terms = terms_before(engagement, started_at)
    standing = reason_to_wait(expert, engagement, terms, started_at)
    sha256 = terms.sha256 if terms else b""
    if billable:
        stretches = claim_instants(first_day, last_day, started_at, ended_at)
    else:
        stretches = [(started_at, ended_at, False)]
    for taken_from, taken_to, is_taken in stretches:
        for start, end, rate in priced(taken_from, taken_to, engagement.rates):
            status, reason = "waiting", standing
            if not billable:
                status, reason = "unbilled", "not_billable"
            elif is_taken:
                reason = "overlap"
            elif not standing and rate is None:
                reason = "no_rate"
            elif not standing:
                status = "payable"
            duration_ms = (end - start) // 1000
            per_hour = rate.minor_per_hour if rate else 0
            amount = amount_minor(duration_ms, per_hour) if billable else 0
            currency = rate.currency if rate else ""
            line_id = derived_id(b"%b line %d %d" % (event_id, start, end))
            emit(
                PayoutLine(
                    line_id, subject_id, project_id, entry_id, status, reason, start, end,
                    duration_ms, per_hour, amount, currency, sha256,
                )
            )  # fmt: skip


def terms_before(engagement: Engagement, started_at: int) -> Terms | None:
    """The last terms accepted before the entry began."""
    for terms in reversed(engagement.terms):
        if terms.accepted_at <= started_at:
            return terms
    return None


def reason_to_wait(
    expert: Expert, engagement: Engagement, terms: Terms | None, started_at: int
) -> str:
    """Why an entry that begins then is not payable, the first that applies; empty if it is."""
    if expert.hired_from is None or started_at < expert.hired_from:
        return "not_hired"
    if engagement.staffed_from is None or started_at < engagement.staffed_from:
        return "not_staffed"
    return "" if terms else "awaiting_terms"


def claim_instants(
    first_day: Day, last_day: Day, start: int, end: int
) -> list[tuple[int, int, bool]]:
    """Cut [start, end) at what earlier entries took (True), and take all of it.

    An instant belongs to the first billable entry in the log that covers it.
    """
    midnight = (end - 1) // DAY_US * DAY_US
    if start >= midnight:
        taken = first_day.taken_within(start, end)
        first_day.take(start, end)
    else:
        taken = first_day.taken_within(start, midnight) + last_day.taken_within(midnight, end)
        first_day.take(start, midnight)
        last_day.take(midnight, end)
    return list(_cut(start, end, taken)) if taken else [(start, end, False)]


def _cut(start: int, end: int, taken: list[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    at = start
    held: tuple[int, int] | None = None
    for taken_from, taken_to in taken:
        if held and held[1] == taken_from:  # the same stretch, across midnight
            held = (held[0], taken_to)
            continue
        if held:
            yield (*held, True)
            at = held[1]
        if at < taken_from:
            yield at, taken_from, False
        held = (taken_from, taken_to)
    if held:
        yield (*held, True)
        at = held[1]
    if at < end:
        yield at, end, False
