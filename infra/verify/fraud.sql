-- Which fraud alerts must be open, computed from the archived events alone at a watermark that
-- archive and fraud have both reached, and held against fraud_alert_changes. It shares no code with the
-- fold: whole histories as arrays and joins, instead of one event after another. The bounds of the
-- fold's state (1,000 entries a day, 100 a task) are not said again here.
86400000000 AS day_us,
3600000000 AS hour_us,
adjusted AS (
    SELECT expert, entry, groupArray((offset, is_plus, began, ended)) AS changes
    FROM told WHERE event_type = 'TimeEntryAdjusted' GROUP BY expert, entry
),
rejected AS (
    SELECT expert, entry, max(offset) AS at
    FROM told WHERE event_type = 'TimeEntryRejected' GROUP BY expert, entry
),
standing AS (
    SELECT entries.expert AS expert, entries.entry AS entry, entries.at AS at,
        billable AS is_billable, entry_method = 'manual' AS is_manual, task, session, began, ended
    FROM entries
    LEFT JOIN (SELECT expert, entry, at AS rejected_at, true AS is_rejected FROM rejected) AS gone
        ON gone.expert = entries.expert AND gone.entry = entries.entry
    WHERE NOT (is_rejected AND rejected_at > at)
),
-- An instant is held where the last event that speaks of it gives it; cut at midnight, UTC.
cut AS (
    SELECT standing.expert AS expert, standing.entry AS entry, is_billable, is_manual, task, session,
        arraySort(c -> c.1, arrayPushFront(
            arrayFilter(c -> c.1 > standing.at, adjusted.changes),
            (standing.at, toUInt8(1), began, ended))) AS changes,
        arrayConcat(arrayMap(c -> c.3, changes), arrayMap(c -> c.4, changes)) AS edges,
        arraySort(arrayDistinct(arrayConcat(edges, arrayMap(d -> toInt64(d * day_us),
            range(toUInt32(intDiv(arrayMin(edges), day_us) + 1),
                toUInt32(intDiv(arrayMax(edges), day_us) + 1)))))) AS points,
        arrayFilter(s -> arrayLast(c -> c.3 <= s.1 AND c.4 > s.1, changes).2,
            arrayZip(arrayPopBack(points), arrayPopFront(points))) AS held
    FROM standing LEFT JOIN adjusted USING (expert, entry)
),
pieces AS (
    SELECT expert, entry, is_billable, is_manual, task, session,
        piece.1 AS start, piece.2 AS end, toInt64(intDiv(piece.1, day_us)) AS day
    FROM cut ARRAY JOIN held AS piece
),
-- overlapping_sessions: pairs of entries that share more than a minute of a day.
lengths AS (
    SELECT expert, entry, day, sum(end - start) AS held_us FROM pieces GROUP BY expert, entry, day
),
devices AS (
    SELECT expert, session, argMin(device_token, offset) AS token
    FROM told WHERE event_type = 'TimeSessionStarted' GROUP BY expert, session
),
placed AS (
    SELECT pieces.expert AS expert, pieces.entry AS entry, pieces.day AS day, is_billable,
        is_manual, task, start, end, held_us, token
    FROM pieces
    INNER JOIN lengths USING (expert, entry, day)
    LEFT JOIN devices USING (expert, session)
),
pairs AS (
    SELECT one.expert AS expert, one.day AS day, one.entry AS first, other.entry AS second,
        sum(least(one.end, other.end) - greatest(one.start, other.start)) AS overlap_us,
        any(one.token != '' AND other.token != '' AND one.token != other.token) AS two_devices,
        any(one.is_billable AND other.is_billable AND (one.is_manual OR other.is_manual
            OR (one.task != '' AND one.task = other.task))) AS may_be_twice,
        any(least(one.held_us, other.held_us)) AS shorter_us
    FROM placed AS one INNER JOIN placed AS other ON one.expert = other.expert AND one.day = other.day
    WHERE one.entry < other.entry AND one.start < other.end AND other.start < one.end
    GROUP BY expert, day, first, second HAVING overlap_us > 60000000
),
ranked AS (
    SELECT *, 2 * two_devices + (may_be_twice AND overlap_us * 10 >= shorter_us * 8
        AND overlap_us >= 900000000) AS rank FROM pairs
),
overlaps AS (
    SELECT expert, 'overlapping_sessions' AS detector, toString(toDate32(toInt32(day))) AS about,
        max(rank) AS worst,
        (['low', 'medium', 'high', 'critical'][worst + 1], [1500, 7000, 8500, 9500][worst + 1],
            arraySlice(arraySort(arrayDistinct(arrayFlatten(arrayMap(p -> [p.2, p.3],
                arrayFilter(p -> p.1 = worst, groupArray((rank, first, second))))))), 1, 100)) AS facts
    FROM ranked GROUP BY expert, day
),
-- excessive_hours: overlap-free time in 24 hours that begin with work, and in a week from Monday.
free AS (
    SELECT expert, day, end, greatest(start, max(end) OVER (PARTITION BY expert ORDER BY start, end
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS begins
    FROM pieces
),
worked AS (SELECT expert, day, begins, end FROM free WHERE begins < end),
windows AS (
    SELECT one.expert AS expert, one.day AS day, one.begins AS began,
        sum(least(other.end, began + day_us) - other.begins) AS worked_us
    FROM worked AS one
    INNER JOIN (SELECT expert, begins, end, arrayJoin([day, day - 1]) AS day FROM worked) AS other
        ON one.expert = other.expert AND one.day = other.day
    WHERE other.begins >= one.begins AND other.begins < one.begins + day_us
    GROUP BY expert, day, began HAVING worked_us > 16 * hour_us
),
fullest AS (
    SELECT expert, day, max(worked_us) AS most_us, argMax(began, (worked_us, -began)) AS start
    FROM windows GROUP BY expert, day
),
long_days AS (
    SELECT fullest.expert AS expert, 'excessive_hours' AS detector,
        concat('24 hours from ', toString(toDate32(toInt32(fullest.day)))) AS about,
        toUInt8(0) AS worst,
        (if(any(most_us) >= 20 * hour_us, 'high', 'medium'),
            5000 + intDiv(5000 * (any(most_us) - 16 * hour_us), 8 * hour_us),
            arraySlice(arraySort(groupUniqArray(pieces.entry)), 1, 100)) AS facts
    FROM fullest INNER JOIN pieces ON pieces.expert = fullest.expert
    WHERE pieces.start < fullest.start + day_us AND pieces.end > fullest.start
    GROUP BY expert, fullest.day
),
weeks AS (
    SELECT expert, intDiv(day + 3, 7) AS week, sum(end - begins) AS worked_us FROM worked
    GROUP BY expert, week HAVING worked_us > 80 * hour_us
),
long_weeks AS (
    SELECT weeks.expert AS expert, 'excessive_hours' AS detector,
        concat('week of ', toString(toDate32(toInt32(weeks.week * 7 - 3)))) AS about,
        toUInt8(0) AS worst,
        (if(any(worked_us) >= 112 * hour_us, 'high', 'medium'),
            5000 + intDiv(5000 * (any(worked_us) - 80 * hour_us), 88 * hour_us),
            arraySlice(arraySort(groupUniqArray(pieces.entry)), 1, 100)) AS facts
    FROM weeks INNER JOIN (SELECT expert, entry, intDiv(day + 3, 7) AS week FROM pieces) AS pieces
        ON pieces.expert = weeks.expert AND pieces.week = weeks.week
    GROUP BY expert, weeks.week
),
-- pasted_answer: an answer's first submission; the habit is of the twenty latest that are judged.
submissions AS (
    SELECT expert, submission, min(offset) AS at, argMin(task, offset) AS task,
        argMin(answer_chars, offset) AS chars,
        argMin(typed_chars + pasted_chars, offset) AS put_in,
        argMin(after_loss_chars, offset) AS after_loss,
        argMin(told.input_method, offset) AS input_method
    FROM told WHERE event_type = 'SubmissionRecorded' GROUP BY expert, submission
),
judged AS (
    SELECT expert, submission, task,
        intDiv(after_loss * 10000, greatest(chars, put_in, after_loss)) >= 6000 AS is_pasted,
        sum(is_pasted) OVER (PARTITION BY expert ORDER BY at
            ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) AS habit
    FROM submissions
    WHERE after_loss >= 0 AND chars >= 200
        AND input_method NOT IN ('dictation', 'input_method_editor')
),
on_task AS (
    SELECT expert, task, arraySlice(arraySort(groupArray(entry)), 1, 100) AS named FROM standing
    WHERE task != '' GROUP BY expert, task
),
pasted AS (
    SELECT judged.expert AS expert, 'pasted_answer' AS detector,
        concat('submission ', submission) AS about, toUInt8(0) AS worst,
        (multiIf(habit >= 8, 'high', habit >= 4, 'medium', 'low'),
            multiIf(habit >= 8, 9000, habit >= 4, 6500, 3000), on_task.named) AS facts
    FROM judged LEFT JOIN on_task USING (expert, task) WHERE is_pasted
),
want AS (
    SELECT expert, detector, about,
        (toString(facts.1), toInt64(facts.2), arrayMap(e -> toString(e), facts.3)) AS facts
    FROM (
        SELECT expert, detector, about, facts FROM overlaps
        UNION ALL SELECT expert, detector, about, facts FROM long_days
        UNION ALL SELECT expert, detector, about, facts FROM long_weeks
        UNION ALL SELECT expert, detector, about, facts FROM pasted
    )
),
have AS (
    SELECT expert_id AS expert, toString(any(detector)) AS detector, any(about) AS about,
        argMax((toString(severity), score_bp, entry_ids), (offset, number)) AS facts
    FROM fraud_alert_changes INNER JOIN reached USING (partition)
    WHERE fraud_alert_changes.offset <= reached.upto
    GROUP BY expert_id, alert_id
    HAVING argMax(change, (offset, number)) != 'withdrawn'
)
