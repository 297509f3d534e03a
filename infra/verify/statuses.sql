-- The status of what is owed, recomputed from the archive at the same instant: approvals, the review
-- window of the policy in force, and the holds that cover a line.
WITH
(SELECT max(occurred_at) FROM watermarks WHERE projection = 'payout') AS now,
told AS (SELECT * FROM events WHERE topic = 'workforce.experts'),
approved AS (
    SELECT subject_id AS expert, groupUniqArray(fields.entry_id.:String) AS entries FROM told
    WHERE event_type = 'TimeEntryApproved' GROUP BY expert
),
-- A hold by what was said of it last.
said AS (
    SELECT subject_id AS expert, fields.hold_id.:String AS hold,
        argMax(event_type, offset) AS last,
        argMaxIf(fields.review_by.:Int64, offset, event_type != 'PayoutHoldReleased') AS review_by,
        anyIf(fields.scope.:String, event_type = 'PayoutHoldPlaced') AS scope,
        anyIf(fields.scope_ids.:`Array(Nullable(String))`, event_type = 'PayoutHoldPlaced') AS ids
    FROM told WHERE startsWith(event_type, 'PayoutHold')
    GROUP BY expert, hold
    HAVING countIf(event_type = 'PayoutHoldReleased') = 0
        AND fromUnixTimestamp64Micro(assumeNotNull(review_by)) > now
),
holds AS (
    SELECT expert, groupUniqArray((scope, if(scope = 'all', [''], arrayMap(i -> ifNull(i, ''), ids))))
        AS covering
    FROM said GROUP BY expert
),
windows AS (
    SELECT subject_id AS expert, fields.project_id.:String AS project,
        groupArray((assumeNotNull(fields.effective_from.:Int64), offset,
            assumeNotNull(fields.review_window_ms.:Int64))) AS applied
    FROM told WHERE event_type = 'PayPolicyApplied' GROUP BY expert, project
),
entries AS (
    SELECT subject_id AS expert, fields.entry_id.:String AS entry, min(offset) AS at,
        argMin(fields.started_at.:Int64, offset) AS began,
        argMin(toUnixTimestamp64Micro(occurred_at), offset) AS done,
        argMin((fields.project_id.:String, fields.session_id.:String, fields.task_id.:String), offset)
            AS belongs
    FROM told WHERE event_type = 'TimeEntryRecorded' GROUP BY expert, entry
),
want AS (
    SELECT entries.expert AS expert, entries.entry AS entry,
        arrayReverseSort(w -> (w.1, w.2),
            arrayFilter(w -> w.2 < at AND w.1 <= began, windows.applied))[1].3 AS window_ms,
        fromUnixTimestamp64Micro(assumeNotNull(done + window_ms * 1000)) AS payable_from,
        arrayExists(h -> multiIf(h.1 = 'all', true, h.1 = 'project', has(h.2, belongs.1),
            h.1 = 'session', has(h.2, belongs.2), h.1 = 'task', has(h.2, belongs.3),
            has(h.2, entry)), holds.covering) AS is_held,
        multiIf(is_held, 'held', has(approved.entries, entry) OR payable_from <= now, 'payable',
            'in_review') AS status
    FROM entries LEFT JOIN approved USING (expert) LEFT JOIN holds USING (expert)
    LEFT JOIN windows ON windows.expert = entries.expert AND windows.project = entries.belongs.1
),
have AS (
    SELECT expert_id AS expert, entry_id AS entry, line_id, status FROM payout_lines
    WHERE status IN ('payable', 'in_review', 'held')
)
