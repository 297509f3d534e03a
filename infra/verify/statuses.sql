-- The status of what is owed, recomputed from the archive at the same instant: approvals, the review
-- window of the policy in force, and the holds that cover a line.
(SELECT max(occurred_at) FROM watermarks WHERE projection = 'payout') AS now,
approved AS (
    SELECT expert, groupUniqArray(entry) AS entries FROM told
    WHERE event_type = 'TimeEntryApproved' GROUP BY expert
),
-- A hold by what was said of it last; who placed it cannot extend it.
said AS (
    SELECT expert, hold,
        argMinIf(placed_by, offset, event_type = 'PayoutHoldPlaced') AS by_whom,
        minIf(offset, event_type = 'PayoutHoldPlaced') AS since,
        arrayReverseSort(s -> s.1, arrayFilter(s -> s.1 >= since AND s.3 != by_whom, groupArrayIf(
            (offset, told.review_by, extended_by), event_type != 'PayoutHoldReleased')))[1].2 AS until,
        anyIf(told.scope, event_type = 'PayoutHoldPlaced') AS scope,
        anyIf(scope_ids, event_type = 'PayoutHoldPlaced') AS ids
    FROM told
    WHERE event_type IN ('PayoutHoldPlaced', 'PayoutHoldExtended', 'PayoutHoldReleased')
    GROUP BY expert, hold
    HAVING countIf(event_type = 'PayoutHoldReleased') = 0 AND fromUnixTimestamp64Micro(until) > now
),
holds AS (
    SELECT expert, groupUniqArray((scope, if(scope = 'all', [''], ids))) AS covering
    FROM said GROUP BY expert
),
windows AS (
    SELECT expert, project, groupArray((effective_from, offset, review_window_ms)) AS applied
    FROM told WHERE event_type = 'PayPolicyApplied' GROUP BY expert, project
),
want AS (
    SELECT entries.expert AS expert, entries.entry AS entry,
        arrayReverseSort(w -> (w.1, w.2),
            arrayFilter(w -> w.2 < at AND w.1 <= began, windows.applied))[1].3 AS window_ms,
        fromUnixTimestamp64Micro(
            if(window_ms > 0, greatest(done, recorded) + window_ms * 1000, done)) AS payable_from,
        arrayExists(h -> multiIf(h.1 = 'all', true, h.1 = 'project', has(h.2, entries.project),
            h.1 = 'session', has(h.2, session), h.1 = 'task', has(h.2, task),
            has(h.2, entry)), holds.covering) AS is_held,
        multiIf(is_held, 'held', has(approved.entries, entry) OR payable_from <= now, 'payable',
            'in_review') AS status
    FROM entries LEFT JOIN approved USING (expert) LEFT JOIN holds USING (expert)
    LEFT JOIN windows ON windows.expert = entries.expert AND windows.project = entries.project
),
have AS (
    SELECT expert_id AS expert, entry_id AS entry, line_id, status FROM payout_lines
    WHERE status IN ('payable', 'in_review', 'held')
)
