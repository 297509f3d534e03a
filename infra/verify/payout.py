"""What is owed, held against plain SQL over the archive: a check a question, none shares code."""

from __future__ import annotations

from infra.verify.recomputed import SHOWN_MAX, Rows, sql_of, told_sql

MS_PER_HOUR = 3_600_000

PERMITTED: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "earned": ("expense.expert_work", "payable", (1,)),
    "excepted": ("expense.expert_work", "payable", (1,)),
    "adjusted": ("expense.expert_work", "payable", (1,)),
    "rate_changed": ("expense.expert_work", "payable", (1, -1)),
    "reversed": ("expense.expert_work", "payable", (-1, 1)),
    "disputed_rate_changed": ("expense.expert_work", "disputed", (1, -1)),
    "disputed_reversed": ("expense.expert_work", "disputed", (-1, 1)),
    "disputed": ("payable", "disputed", (1, -1)),
    "upheld": ("disputed", "payable", (1, -1)),
    "refused": ("disputed", "expense.expert_work", (1, -1)),
}
"""By kind of journal entry: the two accounts it may move, and the signs of the first's amount."""


def journal(rows: Rows) -> tuple[str, list[str]]:
    """Every entry sums to zero in each currency, on permitted accounts, and equals its line."""
    [(count,)] = rows("SELECT uniqExact(journal_entry_id) FROM payout_journal")
    unbalanced = rows(
        "SELECT journal_entry_id, currency, sum(amount_minor) AS total FROM payout_journal "
        f"GROUP BY journal_entry_id, currency HAVING total != 0 LIMIT {SHOWN_MAX}"
    )
    moved = rows("SELECT DISTINCT kind, account, sign(amount_minor) FROM payout_journal")
    allowed = {
        (kind, account, sign * side)
        for kind, (first, second, signs) in PERMITTED.items()
        for sign in signs
        for account, side in ((first, 1), (second, -1))
    }
    forbidden = [move for move in moved if tuple(move) not in allowed]
    unposted = rows(
        "SELECT line_id, amount_minor, posted FROM (SELECT line_id, amount_minor FROM "
        "payout_lines_opened WHERE status NOT IN ('waiting', 'unbilled') AND kind NOT IN "
        "('remainder', 'repriced') AND amount_minor != 0) AS line FULL OUTER JOIN (SELECT "
        "journal_entry_id AS line_id, argMin(amount_minor, number) AS posted FROM payout_journal "
        f"GROUP BY line_id) AS entry USING (line_id) WHERE amount_minor != posted LIMIT {SHOWN_MAX}"
    )
    adrift = rows(
        "SELECT expert, currency, account, posted, stands FROM (SELECT expert_id AS expert, "
        "currency, account, -sum(amount_minor) AS posted FROM payout_journal WHERE account IN "
        "('payable', 'disputed') GROUP BY expert, currency, account) AS journal FULL OUTER JOIN ("
        "SELECT expert_id AS expert, currency, status AS account, sum(amount_minor) AS stands FROM "
        "payout_lines_opened AS opened LEFT ANTI JOIN payout_lines_closed AS closed ON "
        "closed.expert_id = opened.expert_id AND closed.line_id = opened.line_id WHERE "
        "status IN ('payable', 'disputed') GROUP BY expert, currency, account) AS standing "
        f"USING (expert, currency, account) WHERE posted != stands LIMIT {SHOWN_MAX}"
    )
    return f"{count:,} journal entries", [
        *(
            f"{expert}: {posted} {currency} is {account} by the journal, {stands} by the lines"
            for expert, currency, account, posted, stands in adrift
        ),
        *(f"entry {entry} is off by {total} {currency}" for entry, currency, total in unbalanced),
        *(f"{kind} may not post {sign:+d} on {account}" for kind, account, sign in forbidden),
        *(f"line {line} is {amount}, posted {posted}" for line, amount, posted in unposted),
    ]


def lines(rows: Rows) -> tuple[str, list[str]]:
    """Each stretch of an entry, its rate, terms and reason, equal what the archive says."""
    sql = sql_of(rows, "lines", "payout")
    [(count, differing)] = rows(
        f"{sql} SELECT countIf(want.facts != ''), groupArrayIf({SHOWN_MAX})((expert, entry, "
        "want.facts, want.time, have.facts, have.time), want.time != have.time) FROM want FULL "
        "OUTER JOIN have USING (expert, entry, facts) SETTINGS join_use_nulls = 0"
    )
    longer = rows(
        f"{sql} SELECT expert, entry, paid_ms, told_ms FROM lasted INNER JOIN (SELECT expert_id AS "
        "expert, entry_id AS entry, sum(duration_ms) AS told_ms FROM opened GROUP BY expert, entry)"
        f" AS told USING (expert, entry) WHERE paid_ms != told_ms LIMIT {SHOWN_MAX}"
    )
    wrong = rows(
        "SELECT line_id, amount_minor, toInt64(intDiv(2 * duration_ms * rate_minor_per_hour + "
        f"{MS_PER_HOUR}, {2 * MS_PER_HOUR})) AS rounded FROM payout_lines_opened WHERE kind IN "
        "('worked', 'adjusted', 'excepted') AND status != 'unbilled' AND amount_minor != rounded "
        # Half to even, where a policy says so.
        f"AND NOT ((2 * duration_ms * rate_minor_per_hour + {MS_PER_HOUR}) % {2 * MS_PER_HOUR} = 0 "
        "AND amount_minor = rounded - 1 AND amount_minor % 2 = 0) "
        f"LIMIT {SHOWN_MAX}"
    )
    freed = rows(
        "SELECT line_id, kind FROM payout_lines_opened WHERE kind = 'repriced' AND status != "
        f"'waiting' LIMIT {SHOWN_MAX}"
    )
    return f"{count:,} stretches computed from the archive", [
        *(
            f"{expert}, entry {entry}: expected {want} {want_time}, found {have} {have_time}"
            for expert, entry, want, want_time, have, have_time in differing
        ),
        *(f"{expert}, entry {e}: {ms} ms expected, {told} found" for expert, e, ms, told in longer),
        *(f"line {line} is {amount}, and comes to {exact}" for line, amount, exact in wrong),
        *(f"line {line} is {kind}, which lets no line out of its wait" for line, kind in freed),
    ]


def caps(rows: Rows) -> tuple[str, list[str]]:
    """What a week's cap lets through, in the order of the log, and that no more waits for it."""
    zones = rows(
        f"{told_sql(rows, 'payout')} SELECT DISTINCT zone FROM told "
        "WHERE event_type = 'PayPolicyApplied'"
    )
    # The zone of a conversion must be a constant, so each zone has a branch of its own.
    branches = [f"policy.4 = '{zone}', toDate(started, '{zone}')" for (zone,) in zones]
    otherwise = "toDate(started, 'UTC')"
    local_day = f"multiIf({', '.join([*branches, otherwise])})" if branches else otherwise
    sql = sql_of(rows, "caps", "payout").replace("{local_day}", local_day)
    [(count, differing)] = rows(
        f"{sql} SELECT count(), groupArrayIf({SHOWN_MAX})((expert, project, week, result.1, "
        "result.2), result.2 > 0) FROM folded"
    )
    return f"{count:,} capped weeks", [
        f"{expert}, {project}, week of {week}: {wrong} lines do not fit the cap, {used} ms are used"
        for expert, project, week, used, wrong in differing
    ]


def rates(rows: Rows) -> tuple[str, list[str]]:
    """What is posted for an entry is its payable time at the rates that are known last."""
    sql = sql_of(rows, "rates", "payout")
    [(count, differing)] = rows(
        f"{sql} SELECT countIf(pieces > 0), groupArrayIf({SHOWN_MAX})((expert, entry, currency, "
        f"exact, posted), abs(exact - posted * {MS_PER_HOUR}) > {MS_PER_HOUR // 2} * "
        "greatest(roundings, 1)) FROM want FULL OUTER JOIN have USING (expert, entry, currency) "
        "SETTINGS join_use_nulls = 0"
    )
    return f"{count:,} entries at the rates known last", [
        f"{expert}, entry {entry}: {posted} {currency} posted, {exact / MS_PER_HOUR:.2f} expected"
        for expert, entry, currency, exact, posted in differing
    ]


def statuses(rows: Rows) -> tuple[str, list[str]]:
    """What is payable, in review or held, by the approvals, policies and holds in the archive."""
    sql = sql_of(rows, "statuses", "payout")
    [(count, differing)] = rows(
        f"{sql} SELECT count(), groupArrayIf({SHOWN_MAX})((expert, entry, line_id, want.status, "
        "have.status), want.status != have.status) FROM have LEFT JOIN want USING (expert, entry)"
    )
    return f"{count:,} lines that are owed", [
        f"{expert}, entry {entry}, line {line}: expected {want}, found {have}"
        for expert, entry, line, want, have in differing
    ]


def decisions(rows: Rows) -> tuple[str, list[str]]:
    """What each decision in the archive did to the lines that stood before it, and no other."""
    sql = sql_of(rows, "decisions", "payout")
    [(count, differing)] = rows(
        f"{sql} SELECT count(), groupArrayIf({SHOWN_MAX})((expert, entry, partition, offset, "
        "decision, want_ms, have_ms), want_ms != have_ms) FROM held"
    )
    orphans = rows(f"{sql} SELECT expert, entry, partition, offset, decision FROM orphans "
                   f"LIMIT {SHOWN_MAX}")  # fmt: skip
    return f"{count:,} decisions about entries", [
        *(
            f"{expert}, entry {entry}: {decision} at {partition}/{offset} comes to {want}, and "
            f"{have} was found"
            for expert, entry, partition, offset, decision, want, have in differing
        ),
        *(
            f"{expert}, entry {entry}: a line at {partition}/{offset} is {decision or 'nothing'}"
            for expert, entry, partition, offset, decision in orphans
        ),
    ]
