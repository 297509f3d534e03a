-- What every recomputation begins with: events of experts, from the archive alone, up to an offset
-- that the archive and the projection have both reached. Fields are read from the table itself: of
-- a view's JSON column ClickHouse reads the whole of it, a table's by the field.
WITH
reached AS (
    SELECT partition, min(offset) AS upto, max(offset) = upto AS is_in_step FROM watermarks
    WHERE topic = 'workforce.experts' AND projection IN ('archive', '{projection}')
    GROUP BY partition HAVING count() = 2
),
told AS (
    SELECT events.partition AS partition, events.offset AS offset, is_in_step, event_type,
        subject_id AS expert, toUnixTimestamp64Micro(occurred_at) AS happened_at,
        toUnixTimestamp64Micro(events.recorded_at) AS recorded,
        ifNull(events.fields.entry_id.:String, '') AS entry,
        ifNull(events.fields.project_id.:String, '') AS project,
        ifNull(events.fields.task_id.:String, '') AS task,
        ifNull(events.fields.session_id.:String, '') AS session,
        ifNull(events.fields.billable.:Bool, false) AS billable,
        ifNull(events.fields.entry_method.:String, '') AS entry_method,
        ifNull(events.fields.started_at.:Int64, 0) AS began,
        ifNull(events.fields.ended_at.:Int64, 0) AS ended,
        ifNull(events.fields.sign.:String, '') = 'plus' AS is_plus,
        ifNull(events.fields.effective_from.:Int64, 0) AS effective_from,
        ifNull(events.fields.rate_minor_per_hour.:Int64, 0) AS rate_minor_per_hour,
        ifNull(events.fields.currency.:String, '') AS currency,
        ifNull(events.fields.terms_sha256.:String, '') AS terms_sha256,
        ifNull(events.fields.policy_version.:String, '') AS policy_version,
        ifNull(events.fields.increment_ms.:Int64, 0) AS increment_ms,
        ifNull(events.fields.review_window_ms.:Int64, 0) AS review_window_ms,
        events.fields.cap_ms.:Int64 AS cap_ms,
        events.fields.weekly_cap_ms.:Int64 AS weekly_cap_ms,
        ifNull(events.fields.week_starts_on.:String, '') AS week_starts_on,
        ifNull(events.fields.zone.:String, '') AS zone,
        ifNull(events.fields.hold_id.:String, '') AS hold,
        ifNull(events.fields.review_by.:Int64, 0) AS review_by,
        ifNull(events.fields.placed_by.:String, '') AS placed_by,
        ifNull(events.fields.extended_by.:String, '') AS extended_by,
        ifNull(events.fields.scope.:String, '') AS scope,
        arrayMap(id -> ifNull(id, ''), events.fields.scope_ids.:`Array(Nullable(String))`)
            AS scope_ids,
        ifNull(events.fields.approved_ms.:Int64, 0) AS approved_ms,
        ifNull(events.fields.disputed_ms.:Int64, 0) AS disputed_ms,
        ifNull(events.fields.kind.:String, '') AS exception_kind,
        ifNull(events.fields.device_token.:String, '') AS device_token,
        ifNull(events.fields.submission_id.:String, '') AS submission,
        ifNull(events.fields.answer_chars.:Int64, 0) AS answer_chars,
        ifNull(events.fields.typed_chars.:Int64, 0) AS typed_chars,
        ifNull(events.fields.pasted_chars.:Int64, 0) AS pasted_chars,
        ifNull(events.fields.pasted_after_focus_loss_chars.:Int64, -1) AS after_loss_chars,
        ifNull(events.fields.input_method.:String, '') AS input_method
    FROM {events} AS events FINAL INNER JOIN reached ON reached.partition = events.partition
    WHERE events.topic = 'workforce.experts' AND events.offset <= reached.upto
),
-- An entry is the first of its id; what tells of it again is a repeat or a conflict.
entries AS (
    SELECT expert, entry, min(offset) AS at, any(partition) AS place, any(is_in_step) AS is_in_step,
        argMin(project, offset) AS project, argMin(task, offset) AS task,
        argMin(session, offset) AS session, argMin(billable, offset) AS billable,
        argMin(entry_method, offset) AS entry_method, argMin(happened_at, offset) AS done,
        argMin(recorded, offset) AS recorded,
        argMin(began, offset) AS began, argMin(ended, offset) AS ended
    FROM told WHERE event_type = 'TimeEntryRecorded' GROUP BY expert, entry
)
