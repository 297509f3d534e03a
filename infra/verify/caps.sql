-- Weekly caps: in the order of the log each line of a capped project takes what is left of its week,
-- and the rest of it waits. Recomputed from the caps in the archive over the lines that were opened.
caps AS (
    SELECT expert, project,
        groupArray((effective_from, offset,
            if(event_type = 'WeeklyCapChanged', cap_ms, weekly_cap_ms))) AS known
    FROM told WHERE event_type IN ('WeeklyCapChanged', 'PayPolicyApplied')
    GROUP BY expert, project
    HAVING countIf(event_type = 'WeeklyCapChanged' OR weekly_cap_ms IS NOT NULL) > 0
),
weeks AS (
    SELECT expert, project,
        groupArray((effective_from, offset, week_starts_on, zone)) AS known
    FROM told WHERE event_type = 'PayPolicyApplied' GROUP BY expert, project
),
worked AS (
    SELECT expert_id AS expert, entry_id AS entry, min(started_at) AS began
    FROM payout_lines_opened WHERE kind = 'worked' GROUP BY expert, entry
),
corrected AS (
    SELECT expert_id AS expert, line_id AS line, reason AS waited_for FROM payout_lines_opened
),
lines AS (
    SELECT expert_id AS expert, project_id AS project, line_id, opened.offset AS offset, number,
        toUnixTimestamp64Micro(started_at) AS start, started_at AS started,
        intDiv(dateDiff('us', started_at, ended_at), 1000) AS ms, opened.reason = 'over_cap' AS is_over,
        arrayReverseSort(c -> (c.1, c.2), arrayFilter(
            c -> c.2 < opened.offset AND c.1 <= start, caps.known))[1].3 AS cap_ms,
        arrayReverseSort(w -> (w.1, w.2), arrayFilter(w -> w.2 < opened.offset
            AND w.1 <= if(kind = 'worked', toUnixTimestamp64Micro(began), start), weeks.known))[1]
            AS policy
    FROM payout_lines_opened AS opened
    INNER JOIN caps ON caps.expert = opened.expert_id AND caps.project = opened.project_id
    LEFT JOIN weeks ON weeks.expert = opened.expert_id AND weeks.project = opened.project_id
    LEFT JOIN worked ON worked.expert = opened.expert_id AND worked.entry = opened.entry_id
    LEFT JOIN corrected
        ON corrected.expert = opened.expert_id AND corrected.line = opened.corrects_line_id
    -- An exception for another reason leaves the cap to be asked; one for the cap does not.
    WHERE (kind IN ('worked', 'adjusted') OR kind = 'excepted' AND corrected.waited_for != 'over_cap')
        AND opened.reason IN ('', 'over_cap') AND status != 'unbilled'
),
-- A week by the local date on which it begins, in the zone of the policy.
placed AS (
    SELECT *,
        indexOf(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'],
            if(policy.3 = '', 'monday', policy.3)) AS first_weekday,
        {local_day} AS local_day,
        local_day - (toDayOfWeek(local_day) - first_weekday + 7) % 7 AS week
    FROM lines
),
weekly AS (
    SELECT expert, project, week,
        arraySort(line -> (line.1, line.2),
            groupArray((offset, number, ms, is_over, ifNull(cap_ms, -1)))) AS taken
    FROM placed GROUP BY expert, project, week
),
-- What is paid fits into what is left; what waits does so because nothing is left.
folded AS (
    SELECT *, arrayFold((acc, line) -> (
        acc.1 + if(line.4 OR line.5 < 0, 0, line.3),
        acc.2 + multiIf(line.5 < 0, line.4, line.4, acc.1 < line.5, acc.1 + line.3 > line.5)
    ), taken, (toInt64(0), toUInt64(0))) AS result
    FROM weekly
)
