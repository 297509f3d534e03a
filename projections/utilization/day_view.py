"""Each expert's days against what they declared: tracked, billable, available, utilization."""

from projections.store.layout import clock_of
from projections.tables import Column, View, integer, text
from projections.utilization.covered import covered_ms, edges_of

MS_PER_WEEK = 604_800_000
US_PER_DAY = 86_400_000_000
CLOCK = clock_of("utilization", "workforce.experts")
WATERMARK = f"ifNull(toUnixTimestamp64Micro({CLOCK}), 0)"
"""Availability counts up to here: the latest time of an event that the projection includes."""

EDGES = edges_of(
    f"greatest(start, day_number * {US_PER_DAY})", f"least(end, (day_number + 1) * {US_PER_DAY})"
)
WORKED_BY_DAY = f"""SELECT expert_id, day_number,
    {covered_ms("tracked")} AS tracked_ms,
    {covered_ms("billable")} AS billable_ms
  FROM (
    SELECT expert_id, day_number,
      arraySort(groupArrayArray(edges)) AS tracked,
      arraySort(groupArrayArrayIf(edges, is_billable)) AS billable
    FROM (
      SELECT expert_id, is_billable,
        toUnixTimestamp64Micro(started_at) AS start, toUnixTimestamp64Micro(ended_at) AS end,
        arrayJoin(range(intDiv(start, {US_PER_DAY}), intDiv(end - 1, {US_PER_DAY}) + 1))
          AS day_number,
        {EDGES} AS edges
      FROM utilization_intervals
    )
    GROUP BY expert_id, day_number
  )
  WHERE tracked_ms != 0"""


def available_by_day(zone: str = "") -> str:
    """The select of available time by expert and day: `day_number` counts days from 1970.

    `zone` is the expression of the zone whose clocks tell days; UTC's if empty.
    """

    def day_of(us: str) -> str:
        at = f"fromUnixTimestamp64Micro(toInt64({us}), {zone})"
        return f"toInt64(toUInt16(toDate({at})))" if zone else f"intDiv({us}, {US_PER_DAY})"

    def begins(day: str) -> str:
        if not zone:
            return f"{day} * {US_PER_DAY}"
        return f"toUnixTimestamp64Micro(toDateTime64(toDate(toUInt16({day})), 6, {zone}))"

    return f"""SELECT expert_id, day_number,
    intDiv(if(countIf(project_id = '') > 0, sumIf(product, project_id = ''), sum(product))
      + {MS_PER_WEEK // 2}, {MS_PER_WEEK}) AS available_ms
  FROM (
    SELECT expert_id, project_id, day_number, ms_per_week * intDiv(
      least(until_at, {begins("(day_number + 1)")})
        - greatest(from_at, {begins("day_number")}), 1000) AS product
    FROM (
      SELECT expert_id, project_id, ms_per_week, from_at,
        least({WATERMARK}, leadInFrame(from_at, 1, {WATERMARK}) OVER (
          PARTITION BY expert_id, project_id ORDER BY from_at
          ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) AS until_at
      FROM (
        SELECT expert_id, project_id, toUnixTimestamp64Micro(effective_from) AS from_at,
          argMax(ms_per_week, offset) AS ms_per_week
        FROM declared_availability GROUP BY expert_id, project_id, from_at
      )
    )
    ARRAY JOIN range({day_of("from_at")}, {day_of("until_at - 1")} + 1) AS day_number
    WHERE from_at < until_at
  )
  GROUP BY expert_id, day_number"""


BY_DAY = View(
    "utilization_by_day",
    "Each UTC day on which an expert worked or was available. For a week or a group, divide the "
    "sums: sum(billable_ms) / sum(available_ms).",
    {
        "expert_id": text("Who worked or was available."),
        "day": Column("Date", None, "The day, UTC."),
        "tracked_ms": integer("Milliseconds tracked, each instant once."),
        "billable_ms": integer("Milliseconds of billable work, each instant once."),
        "available_ms": Column(
            "Nullable(Int64)",
            None,
            "Milliseconds available: what was declared a week, by the share of the week that the "
            "day is, up to the projection's watermark. Null where nothing was declared.",
        ),
        "utilization": Column(
            "Nullable(Float64)",
            None,
            "billable_ms / available_ms; null where nothing was declared or nothing is available.",
        ),
    },
    f"""SELECT expert_id, toDate(day_number) AS day, sum(tracked) AS tracked_ms,
  sum(billable) AS billable_ms, sum(available) AS available_ms,
  billable_ms / nullIf(available_ms, 0) AS utilization
FROM (
  SELECT expert_id, day_number, tracked_ms AS tracked, billable_ms AS billable,
    CAST(NULL, 'Nullable(Int64)') AS available
  FROM (
  {WORKED_BY_DAY}
  )
  UNION ALL
  SELECT expert_id, day_number, 0, 0, available_ms FROM (
  {available_by_day()}
  )
)
GROUP BY expert_id, day_number""",
)
