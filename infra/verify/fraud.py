"""The fraud alerts that are open, held against plain SQL over the archive."""

from infra.verify.recomputed import SHOWN_MAX, Rows, sql_of


def alerts(rows: Rows) -> tuple[str, list[str]]:
    """How much was looked at, and which alerts are open and should not be, or the other way."""
    # One query: what it joins costs more than what it answers.
    sql = sql_of(rows, "fraud", "fraud")
    [(count, differing)] = rows(
        f"{sql} SELECT countIf(want.facts.1 != ''), arraySort(groupArrayIf({SHOWN_MAX})("
        "(expert, detector, about, want.facts, have.facts), want.facts != have.facts)) "
        "FROM want FULL OUTER JOIN have USING (expert, detector, about) "
        "SETTINGS join_use_nulls = 0"
    )
    return f"{count:,} open alerts computed from the archive", [
        f"{expert}, {detector}, {about}: expected {_said(want)}, found {_said(have)}"
        for expert, detector, about, want, have in differing
    ]


def _said(facts: tuple[str, int, list[str]]) -> str:
    severity, score_bp, entries = facts
    if not severity:
        return "no open alert"
    return f"{severity} at {score_bp} bp on {', '.join(entries) or 'no entry'}"
