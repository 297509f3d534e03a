"""What finance reads: each line as it stands at the watermark, the holds, and sums over lines."""

from collections.abc import Callable

from projections.agents.state import DOMAINS
from projections.payout.rows import HOLDS, LINES
from projections.store.layout import clock_of
from projections.tables import Column, View, code, integer, moment, text

CLOCK = clock_of("payout", "workforce.experts")
"""The instant at which a status is told: the latest event time that payout includes."""


def _holds(facts: Callable[[str], str] = str, clock: str = CLOCK) -> str:
    return f"""SELECT hold_id, expert_id, anyIf(told.scope, change = 'placed') AS scope,
  argMaxIf(told.reason, offset, change != 'released') AS reason,
  argMaxIf(told.review_by, offset, change != 'released') AS review_by,
  arraySort(groupUniqArrayIf(scope_id, change = 'placed')) AS scope_ids,
  multiIf(countIf(change = 'released') > 0, 'released', review_by <= {clock}, 'expired', 'in_force')
    AS status,
  anyIf(told.decided_by, change = 'placed') AS placed_by,
  argMax(told.decided_by, offset) AS decided_by
FROM {facts("payout_hold_changes")} AS told GROUP BY hold_id, expert_id"""


HOLD_COLUMNS = {
    name: HOLDS.columns[name] for name in ("hold_id", "expert_id", "scope", "reason", "review_by")
}
PAYOUT_HOLDS = View(
    "payout_holds",
    "Holds as they stand: a hold is in force until it is released or nobody extends it.",
    HOLD_COLUMNS
    | {
        "scope_ids": Column(
            "Array(String)", None, "The entries, sessions, tasks or projects that it covers."
        ),
        "status": code("in_force, released or expired."),
        "placed_by": text("Who placed it."),
        "decided_by": text("Who decided on it last."),
    },
    _holds(),
)

AS_OPENED = ", ".join(f"opened.`{n}` AS `{n}`" for n in LINES.columns if n != "status")


def lines(
    facts: Callable[[str], str] = str, clock: str = CLOCK, holds: str = "payout_holds"
) -> str:
    """The select of the lines that stand, in the columns of `payout_lines`.

    `facts` gives what to read for a table of facts, `clock` is the expression of the instant at
    which a status is told, `holds` what has the holds as they stand.
    """
    return f"""SELECT {AS_OPENED},
  multiIf(closed.status = 'rejected', 'rejected', opened.status != 'payable', opened.status,
    hold_id != '', 'held', approved.at > 0 OR opened.payable_from <= {clock}, 'payable',
    'in_review') AS status,
  if(opened.status != 'payable', '', arrayFirst(
    held -> has(['all:', concat('project:', opened.project_id), concat('entry:', opened.entry_id),
      concat('session:', opened.session_id), concat('task:', opened.task_id)], held.1),
    held.holds).2) AS hold_id,
  approved.at AS approved_at
FROM {facts("payout_lines_opened")} AS opened
LEFT JOIN {facts("payout_lines_closed")} AS closed
  ON closed.expert_id = opened.expert_id AND closed.line_id = opened.line_id
LEFT JOIN (SELECT expert_id, entry_id, min(approved_at) AS at
  FROM {facts("payout_approvals")} AS told GROUP BY expert_id, entry_id) AS approved
  ON approved.expert_id = opened.expert_id AND approved.entry_id = opened.entry_id
LEFT JOIN (SELECT expert_id,
    groupArrayArray(arrayMap(id -> (concat(scope, ':', id), hold_id), scope_ids)) AS holds
  FROM {holds} WHERE status = 'in_force' GROUP BY expert_id) AS held
  ON held.expert_id = opened.expert_id
WHERE closed.status != 'replaced'"""


def lines_then(facts: Callable[[str], str], clock: str) -> str:
    """The select of the lines that stood when only those facts were known, at that instant."""
    return lines(facts, clock, f"({_holds(facts, clock)})")


PAYOUT_LINES = View(
    "payout_lines",
    "What each expert is owed and why some of it waits: the lines that stand, a stretch of a time "
    "entry each. Amounts of one status and currency may be summed.",
    LINES.columns
    | {
        "status": code(
            "payable; in_review until approved or `payable_from`; held; waiting for a person; "
            "disputed; rejected (what was posted and its reverse); or unbilled, never paid."
        ),
        "hold_id": text("The hold that covers it, empty if none: see payout_holds."),
        "approved_at": moment("When a person approved its entry, UTC; 1970 if nobody did."),
    },
    lines(),
)

PAYOUT_SUMMARY = View(
    "payout_summary",
    "Time and money by day, project, domain, expert, currency, status and reason: sum what you "
    "need, never over currencies.",
    {
        "day": Column("Date", None, "The UTC day on which the work was done."),
        "project_id": LINES.columns["project_id"],
        "domain": code("The project's domain; empty where it was never opened."),
        "expert_id": LINES.columns["expert_id"],
        "currency": LINES.columns["currency"],
        "status": PAYOUT_LINES.columns["status"],
        "reason": LINES.columns["reason"],
        "lines": integer("Number of lines."),
        "duration_ms": integer("Time, in milliseconds."),
        "amount_minor": integer("Money, in minor units of the currency."),
    },
    f"""SELECT toDate(started_at) AS day, project_id, domain, expert_id, currency, status,
  reason, toInt64(count()) AS lines, sum(duration_ms) AS duration_ms,
  sum(amount_minor) AS amount_minor
FROM payout_lines LEFT JOIN (
  {DOMAINS}
) AS opened USING (project_id)
GROUP BY ALL""",
)

VIEWS = (PAYOUT_HOLDS, PAYOUT_LINES, PAYOUT_SUMMARY)
