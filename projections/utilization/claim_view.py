"""How claims on tasks fare, by day, project and domain."""

from projections.tables import Column, View, code, integer, text

HEALTH = View(
    "claim_health",
    "Claims on tasks by the day of what became of them. Counts add up; medians do not: for another "
    "grouping ask claim_changes and published_tasks.",
    {
        "day": Column("Date", None, "The UTC day of the change."),
        "project_id": text("The project; empty where the task's publication is not in yet."),
        "domain": code("The domain that the task asks for; empty likewise."),
        "granted": integer("Claims that were granted."),
        "refused": integer("Claims that were refused: somebody else held the task."),
        "expired": integer("Claims whose time passed before the task was handed in."),
        "released": integer("Claims that were given back."),
        "submitted": integer("Claims that ended with the task handed in."),
        "publish_to_claim_median_ms": Column(
            "Nullable(Int64)",
            None,
            "Median of the milliseconds from a task's publication to a claim that was granted; "
            "null where there is none.",
        ),
        "claim_to_submit_median_ms": Column(
            "Nullable(Int64)",
            None,
            "Median of the milliseconds from a claim to handing in; null where there is none.",
        ),
    },
    """SELECT toDate(changed_at, 'UTC') AS day, project_id, domain,
  toInt64(countIf(change = 'granted')) AS granted,
  toInt64(countIf(change = 'refused')) AS refused,
  toInt64(countIf(change = 'expired')) AS expired,
  toInt64(countIf(change = 'released')) AS released,
  toInt64(countIf(change = 'submitted')) AS submitted,
  quantileExactOrNullIf(0.5)(dateDiff('millisecond', task.published_at, claimed_at),
    change = 'granted' AND task.task_id != '') AS publish_to_claim_median_ms,
  quantileExactOrNullIf(0.5)(dateDiff('millisecond', claimed_at, changed_at),
    change = 'submitted' AND toUnixTimestamp64Micro(claimed_at) > 0) AS claim_to_submit_median_ms
FROM claim_changes AS claim
LEFT JOIN (
  SELECT task_id, argMin(project_id, offset) AS project_id, argMin(domain, offset) AS domain,
    argMin(published_at, offset) AS published_at
  FROM published_tasks GROUP BY task_id
) AS task ON task.task_id = claim.task_id
GROUP BY day, project_id, domain""",
)
