-- Hours by quarter-hour computed from the archived events alone, in the partitions in which archive
-- and utilization stand at one offset, to be compared with the views of utilization. It shares no code
-- with the fold: of each stretch between two edges the last event in the log has the word, and what
-- lies under an earlier stretch of the same expert counts for nothing.
later AS (
    SELECT expert, entry,
        groupArrayIf((offset, began, ended, toBool(is_plus)), event_type = 'TimeEntryAdjusted')
            AS adjustments,
        maxIf(offset, event_type = 'TimeEntryRejected') AS rejected_at
    FROM told WHERE event_type IN ('TimeEntryAdjusted', 'TimeEntryRejected')
    GROUP BY expert, entry
),
words AS (
    SELECT expert, entry, project, billable,
        arraySort(arrayConcat(
            [(at, began, ended, true)],
            arrayFilter(a -> a.1 > at, adjustments))) AS said
    FROM entries LEFT JOIN later USING (expert, entry)
    WHERE is_in_step AND rejected_at <= at
),
-- Every edge of what was said, and every quarter-hour between.
edges AS (
    SELECT *, arraySort(arrayDistinct(arrayConcat(
        arrayMap(w -> w.2, said), arrayMap(w -> w.3, said),
        arrayFlatten(arrayMap(w -> arrayMap(quarter -> quarter * 900000000,
            range(intDiv(w.2, 900000000) + 1, intDiv(w.3 - 1, 900000000) + 1)), said))))) AS points
    FROM words
),
stretches AS (
    SELECT expert, project, billable, start, until, intDiv(start, 900000000) AS quarter
    FROM edges ARRAY JOIN arrayPopBack(points) AS start, arrayPopFront(points) AS until
    WHERE arrayLast(w -> w.2 <= start AND w.3 > start, said).4
),
covered AS (
    SELECT expert, quarter, start, until, kind,
        max(until) OVER (PARTITION BY expert, quarter, kind ORDER BY start, until
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM stretches ARRAY JOIN if(billable, ['tracked', 'billable'], ['tracked']) AS kind
),
want AS (
    SELECT expert, project, quarter, intDiv(sum(until - start), 1000) AS tracked_ms,
        intDiv(sumIf(until - start, billable), 1000) AS billable_ms
    FROM stretches GROUP BY expert, project, quarter
    UNION ALL
    SELECT expert, '' AS project, quarter,
        intDiv(sumIf(greatest(0, until - greatest(start, covered_until)), kind = 'tracked'), 1000),
        intDiv(sumIf(greatest(0, until - greatest(start, covered_until)), kind = 'billable'), 1000)
    FROM covered GROUP BY expert, quarter
),
-- Experts whose partition is not in step are left out.
behind AS (
    SELECT DISTINCT expert_id AS expert FROM utilization_intervals
    WHERE partition NOT IN (SELECT partition FROM reached WHERE is_in_step)
),
have AS (
    SELECT expert_id AS expert, project_id AS project,
        intDiv(toUnixTimestamp64Micro(quarter_at), 900000000) AS quarter, tracked_ms, billable_ms
    FROM utilization_hours WHERE expert_id NOT IN (SELECT expert FROM behind)
    UNION ALL
    SELECT expert_id, '', intDiv(toUnixTimestamp64Micro(quarter_at), 900000000), tracked_ms,
        billable_ms
    FROM utilization_overlap_free WHERE expert_id NOT IN (SELECT expert FROM behind)
),
compared AS (
    SELECT expert, project, quarter,
        sumIf(tracked_ms, is_wanted) AS want_tracked_ms,
        sumIf(billable_ms, is_wanted) AS want_billable_ms,
        sumIf(tracked_ms, NOT is_wanted) AS have_tracked_ms,
        sumIf(billable_ms, NOT is_wanted) AS have_billable_ms
    FROM (SELECT true AS is_wanted, * FROM want UNION ALL SELECT false, * FROM have)
    GROUP BY expert, project, quarter
)
