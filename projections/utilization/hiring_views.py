"""How people come to be experts: a candidate a row, and the funnel by domain."""

from projections.tables import Column, View, code, integer, text

STEPS = ("sourced", "applied", "interviewed", "passed", "offered", "terms_accepted", "hired")
"""The way to a hire; each with the first time at which the candidate reached it."""
VOIDED = "SELECT expert_id, about FROM hiring_steps WHERE step = 'voided'"
INTERVIEW = "('interviewed', 'passed', 'failed', 'inconclusive', 'voided')"


def _time(comment: str) -> Column:
    return Column("Nullable(DateTime64(6, 'UTC'))", None, comment)


CANDIDATES = View(
    "hiring_candidates",
    "How far each candidate came in each domain, and when; what was never reached is null.",
    {
        "expert_id": text("The candidate."),
        "domain": code("The domain; empty where nothing told it."),
        "sourced_at": _time("When the marketplace came to know them, UTC."),
        "applied_at": _time("When they first applied, UTC."),
        "interviewed_at": _time("When their first interview ended; voided ones do not count, UTC."),
        "passed_at": _time("When it was first decided that they pass, UTC."),
        "offered_at": _time("When they were first offered work, UTC."),
        "terms_accepted_at": _time("When they first accepted terms, UTC."),
        "hired_at": _time("When they were hired, UTC."),
        "forfeited_at": _time("When they first left an offer, UTC."),
        "first_paid_hour_at": _time(
            "The quarter-hour of their first billable work at or after the hire, on any project, "
            "UTC."
        ),
    },
    f"""SELECT steps.expert_id AS expert_id, domain,
  {", ".join(f"{step}_at" for step in STEPS)}, forfeited_at,
  arrayFirstOrNull(quarter -> ifNull(hired_at < quarter + toIntervalMinute(15), false), quarters)
    AS first_paid_hour_at
FROM (
  SELECT expert_id, domain,
    {", ".join(f"minOrNullIf(reached_at, step = '{s}') AS {s}_at" for s in (*STEPS, "forfeited"))}
  FROM hiring_steps
  WHERE step NOT IN {INTERVIEW} OR (expert_id, about) NOT IN ({VOIDED})
  GROUP BY expert_id, domain
) AS steps
LEFT JOIN (
  SELECT expert_id, arraySort(groupArray(quarter_at)) AS quarters FROM utilization_overlap_free
  WHERE billable_ms > 0 GROUP BY expert_id
) AS worked ON worked.expert_id = steps.expert_id""",
)

WAY = (
    *zip(STEPS, ("", *STEPS), strict=False),
    ("first_paid_hour", "hired"),
    ("forfeited", "offered"),
)
"""Each step of the funnel and the one before it; a forfeited offer leaves the way."""


def _told(place: int, step: str, previous: str) -> str:
    before = f"{previous}_at" if previous else "CAST(NULL, 'Nullable(DateTime64(6, \\'UTC\\'))')"
    return f"({place}, '{step}', {step}_at, {before})"


FUNNEL = View(
    "hiring_funnel",
    "Of each domain: how many candidates reached each step, of how many that could, and how long "
    "it took from the step before.",
    {
        "domain": code("The domain; empty where nothing told it."),
        "place": Column("UInt8", None, "The step's place in the funnel, from 1."),
        "step": code(
            "sourced, applied, interviewed, passed, offered, terms_accepted, hired, "
            "first_paid_hour; or forfeited, which leaves the way after offered."
        ),
        "candidates": integer("Candidates who reached it."),
        "of_previous": Column(
            "Nullable(Float64)",
            None,
            "Of the candidates who reached the step before, the share that reached this one; null "
            "for the first step and where nobody reached the one before.",
        ),
        "wait_median_ms": Column(
            "Nullable(Int64)",
            None,
            "Median of the milliseconds from the step before to this one; null if none is known.",
        ),
        "wait_p90_ms": Column(
            "Nullable(Int64)", None, "Nine in ten candidates took at most so long; null likewise."
        ),
    },
    f"""SELECT domain, told.1 AS place, told.2 AS step,
  toInt64(count(told.3)) AS candidates,
  countIf(told.3 IS NOT NULL AND told.4 IS NOT NULL) / nullIf(count(told.4), 0) AS of_previous,
  quantileExactOrNullIf(0.5)(wait_ms, wait_ms >= 0) AS wait_median_ms,
  quantileExactOrNullIf(0.9)(wait_ms, wait_ms >= 0) AS wait_p90_ms
FROM (
  SELECT domain, arrayJoin([
    {", ".join(_told(place, *way) for place, way in enumerate(WAY, 1))}
  ]) AS told, dateDiff('millisecond', told.4, told.3) AS wait_ms
  FROM hiring_candidates
)
GROUP BY domain, place, step""",
)
