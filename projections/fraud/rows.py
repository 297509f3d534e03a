"""What fraud tells: a row a change of an alert, and the alerts as they stand."""

from typing import Annotated, Any, NamedTuple

import polars as pl

from projections.tables import Column, View, code, integer, moment, table_of, text, uuid_id


def texts(comment: str) -> Column:
    """A list of strings."""
    return Column("Array(String)", pl.List(pl.String), comment)


class AlertChange(NamedTuple):
    """An alert was raised, updated or withdrawn; the last change says how it stands."""

    alert_id: Annotated[
        bytes, uuid_id("The alert's id, derived from expert, detector and what it is about.")
    ]
    expert_id: Annotated[str, text("Whom it is about.")]
    detector: Annotated[str, code("The detector that found it.")]
    detector_version: Annotated[str, code("The version of its logic and thresholds.")]
    mode: Annotated[str, code("`live`: people see it; `shadow`: the detectors' team alone.")]
    about: Annotated[
        str, text("What it is about: a UTC day, a week or a submission; one alert for each.")
    ]
    change: Annotated[str, code("`raised`, `updated` or `withdrawn`.")]
    severity: Annotated[
        str, code("low, medium, high or critical; empty where the alert is withdrawn.")
    ]
    score_bp: Annotated[int, integer("How sure the detector is, 0 to 10,000 basis points.")]
    reason: Annotated[str, text("What was found, or why it is withdrawn, in a sentence.")]
    happened_at: Annotated[int, moment("When it began in the world, UTC.")]
    appended_at: Annotated[int, moment("When the broker took the event that changed it, UTC.")]
    entry_ids: Annotated[Any, texts("The time entries at stake, at most 100.")]
    evidence_event_ids: Annotated[Any, texts("The events that it rests on, at most 100.")]


CHANGES = table_of(AlertChange, "fraud_alert_changes", ("expert_id", "alert_id"))

_ALERTS_SELECT = """
WITH
-- Offsets of an expert's events are those of one partition, so they order its changes.
alerts AS (
    SELECT
        alert_id,
        any(expert_id) AS whose,
        any(detector) AS found_by,
        argMax(detector_version, (offset, number)) AS of_version,
        argMax(mode, (offset, number)) AS in_mode,
        any(about) AS matter,
        if(argMax(change, (offset, number)) = 'withdrawn', 'withdrawn', 'open') AS status,
        argMaxIf(severity, (offset, number), change != 'withdrawn') AS last_severity,
        argMaxIf(score_bp, (offset, number), change != 'withdrawn') AS last_score_bp,
        argMax(reason, (offset, number)) AS last_reason,
        argMaxIf(happened_at, (offset, number), change != 'withdrawn') AS began_at,
        argMaxIf(entry_ids, (offset, number), change != 'withdrawn') AS entries,
        argMaxIf(evidence_event_ids, (offset, number), change != 'withdrawn') AS evidence,
        toInt64(countIf(change = 'updated')) AS updates,
        min(appended_at) AS first_changed_at,
        max(appended_at) AS last_changed_at
    FROM fraud_alert_changes GROUP BY alert_id
),
-- The lines that stand, as in payout_lines, without the holds and approvals that it reads besides.
stakes AS (
    SELECT alert_id, groupUniqArray(line.line_id) AS line_ids,
        mapFilter((code, minor) -> code != '', sumMap(map(toString(currency), amount_minor)))
            AS money
    FROM (SELECT alert_id, whose, arrayJoin(entries) AS entry FROM alerts) AS at_stake
    INNER JOIN payout_lines_opened AS line ON line.expert_id = whose AND line.entry_id = entry
    LEFT JOIN payout_lines_closed AS closed
        ON closed.expert_id = line.expert_id AND closed.line_id = line.line_id
    WHERE closed.status != 'replaced' AND (line.status != 'unbilled' OR closed.status = 'rejected')
    GROUP BY alert_id
)
SELECT
    alerts.alert_id AS alert_id, whose AS expert_id, found_by AS detector,
    of_version AS detector_version, in_mode AS mode, matter AS about, status,
    last_severity AS severity, last_score_bp AS score_bp, last_reason AS reason,
    began_at AS happened_at, first_changed_at, last_changed_at, updates,
    entries AS entry_ids, evidence AS evidence_event_ids, line_ids, money AS stake_minor
FROM alerts LEFT JOIN stakes ON stakes.alert_id = alerts.alert_id
"""

ALERTS = View(
    name="fraud_alerts",
    comment="Every alert as it stands, with the pay lines that it touches.",
    columns={
        "alert_id": text("The alert's id."),
        "expert_id": text("Whom it is about."),
        "detector": code("The detector that found it."),
        "detector_version": code("The version of its logic and thresholds."),
        "mode": code("`live`: people see it; `shadow`: the detectors' team alone."),
        "about": text("What it is about: a UTC day, a week or a submission."),
        "status": text("`open`, or `withdrawn` where its evidence no longer holds."),
        "severity": code("low, medium, high or critical, as it was said last."),
        "score_bp": integer("How sure the detector is, 0 to 10,000 basis points."),
        "reason": text("What was found, or why it was withdrawn, in a sentence."),
        "happened_at": moment("When it began in the world, UTC."),
        "first_changed_at": moment("When the broker took the event that first raised it, UTC."),
        "last_changed_at": moment("When the broker took the event that changed it last, UTC."),
        "updates": integer("How often it was updated."),
        "entry_ids": texts("The time entries at stake, at most 100."),
        "evidence_event_ids": texts("The events that it rests on, at most 100."),
        "line_ids": texts("The pay lines of those entries, from `payout_lines`."),
        "stake_minor": Column(
            "Map(String, Int64)",
            None,
            "What those lines come to, in minor units by currency. Nothing of it is withheld.",
        ),
    },
    select=_ALERTS_SELECT,
)
