"""What analysts read: hours by quarter-hour, overlap-free, and every other view in order."""

from projections.tables import View, integer, moment, text
from projections.utilization.claim_view import HEALTH
from projections.utilization.covered import covered_ms, edges_of
from projections.utilization.day_view import BY_DAY
from projections.utilization.hiring_views import CANDIDATES, FUNNEL

HOURS = View(
    "utilization_hours",
    "Time by expert, project and quarter-hour. It adds up over anything; entries that overlap "
    "count each: for an expert's own time read utilization_overlap_free.",
    {
        "expert_id": text("Who worked."),
        "project_id": text("For which project."),
        "quarter_at": moment("Start of the quarter-hour, UTC."),
        "tracked_ms": integer("Milliseconds of time entries, as adjusted; none of rejected ones."),
        "billable_ms": integer("Of these, milliseconds of billable entries."),
    },
    """SELECT expert_id, project_id, quarter_at,
  intDiv(sum(sign * dateDiff('microsecond', started_at, ended_at)), 1000) AS tracked_ms,
  intDiv(sumIf(sign * dateDiff('microsecond', started_at, ended_at), is_billable), 1000)
    AS billable_ms
FROM utilization_pieces
GROUP BY expert_id, project_id, quarter_at
HAVING tracked_ms != 0""",
)


OVERLAP_FREE = View(
    "utilization_overlap_free",
    "Time of an expert by quarter-hour, each instant once: two tabs are one hour. It adds up over "
    "experts and time, and belongs to no one project.",
    {
        "expert_id": text("Who worked."),
        "quarter_at": moment("Start of the quarter-hour, UTC."),
        "tracked_ms": integer("Milliseconds in which at least one time entry runs, 0 to 900,000."),
        "billable_ms": integer("Milliseconds in which at least one billable entry runs."),
    },
    f"""SELECT expert_id, quarter_at,
  {covered_ms("tracked")} AS tracked_ms,
  {covered_ms("billable")} AS billable_ms
FROM (
  SELECT expert_id, quarter_at,
    arraySort(groupArrayArray(edges)) AS tracked,
    arraySort(groupArrayArrayIf(edges, is_billable)) AS billable
  FROM (
    SELECT expert_id, quarter_at, is_billable,
      {edges_of("toUnixTimestamp64Micro(started_at)", "toUnixTimestamp64Micro(ended_at)")} AS edges
    FROM utilization_pieces
  )
  GROUP BY expert_id, quarter_at
)
WHERE tracked_ms != 0""",
)

VIEWS = (HOURS, OVERLAP_FREE, BY_DAY, CANDIDATES, FUNNEL, HEALTH)
"""In the order in which they are made: later ones read earlier ones."""
