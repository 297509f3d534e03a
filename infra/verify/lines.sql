-- Worked lines computed from the archived events, and compared with payout_lines_opened. It shares no
-- code with the fold: whole histories as arrays instead of one event after another.
rates AS (
    SELECT expert, project,
        groupArray((effective_from, offset, rate_minor_per_hour, currency)) AS agreed
    FROM told WHERE event_type IN ('RateAgreed', 'RateChanged') GROUP BY expert, project
),
terms AS (
    SELECT expert, project, groupArray((happened_at, offset, terms_sha256)) AS signed
    FROM told WHERE event_type = 'TermsAccepted' GROUP BY expert, project
),
in_force AS (
    SELECT expert, project, groupArray((effective_from, offset, terms_sha256)) AS asked
    FROM told WHERE event_type = 'ProjectTermsInForce' GROUP BY expert, project
),
staffing AS (
    SELECT expert, project, groupArray((happened_at, offset, event_type)) AS changes
    FROM told WHERE event_type IN ('ProjectStaffed', 'ProjectUnstaffed') GROUP BY expert, project
),
hired AS (
    SELECT expert, groupArray((happened_at, offset)) AS times
    FROM told WHERE event_type = 'ExpertHired' GROUP BY expert
),
standing AS (
    SELECT expert, groupArray((happened_at, offset, event_type)) AS changes
    FROM told WHERE event_type IN ('ExpertSuspended', 'ExpertReinstated', 'ExpertOffboarded')
    GROUP BY expert
),
policies AS (
    SELECT expert, project, groupArray((effective_from, offset, increment_ms, policy_version)) AS applied
    FROM told WHERE event_type = 'PayPolicyApplied' GROUP BY expert, project
),
-- What people changed of an entry: when it was rejected, what was added and taken away.
rejected AS (
    SELECT expert, entry, min(offset) AS rejected_at
    FROM (
        SELECT expert, entry, offset FROM told WHERE event_type = 'TimeEntryRejected'
    ) AS rejections INNER JOIN entries USING (expert, entry)
    WHERE offset > at GROUP BY expert, entry
),
adjusted AS (
    SELECT expert, entry, offset, began AS from_at, ended AS to_at, is_plus
    FROM told WHERE event_type = 'TimeEntryAdjusted'
),
-- Every stretch that a billable entry covers, from an offset on until another one.
stretches AS (
    SELECT expert, entry, began AS from_at, ended AS to_at, at AS since
    FROM entries WHERE billable
    UNION ALL
    SELECT adjusted.expert, adjusted.entry, from_at, to_at, adjusted.offset
    FROM adjusted INNER JOIN entries USING (expert, entry)
    WHERE is_plus AND adjusted.offset > entries.at AND billable
),
held AS (
    SELECT expert, entry, from_at, to_at, since,
        if(rejected_at > 0, rejected_at, 0x7fffffffffffffff) AS until
    FROM stretches LEFT JOIN rejected USING (expert, entry)
    WHERE since < until
),
lessened AS (
    SELECT expert, entry, groupArray((from_at, to_at, offset)) AS taken_away
    FROM adjusted WHERE NOT is_plus GROUP BY expert, entry
),
-- Which earlier stretches of the expert cover instants of an entry: only those that share an hour
-- with it can.
hours AS (
    SELECT expert, entry, from_at, to_at, since, until, taken_away,
        arrayJoin(range(toUInt32(intDiv(from_at, 3600000000)),
            toUInt32(intDiv(to_at - 1, 3600000000) + 1))) AS hour
    FROM held LEFT JOIN lessened USING (expert, entry)
),
mine AS (
    SELECT expert, entry, at, began, ended,
        arrayJoin(range(toUInt32(intDiv(began, 3600000000)),
            toUInt32(intDiv(ended - 1, 3600000000) + 1))) AS hour
    FROM entries WHERE billable
),
covered AS (
    SELECT mine.expert AS expert, mine.entry AS entry,
        groupUniqArray((hours.from_at, hours.to_at,
            arrayFilter(t -> t.3 > hours.since AND t.3 < mine.at, hours.taken_away))) AS stretches
    FROM mine INNER JOIN hours ON mine.expert = hours.expert AND mine.hour = hours.hour
    WHERE hours.since < mine.at AND hours.until > mine.at
        AND hours.from_at < mine.ended AND hours.to_at > mine.began
    GROUP BY expert, entry
),
joined AS (
    SELECT entries.expert AS expert, entries.entry AS entry, entries.at AS at,
        entries.place AS place, entries.project AS project, entries.billable AS billable,
        entries.began AS began, entries.ended AS ended,
        covered.stretches AS stretches,
        arrayFilter(r -> r.2 < at, rates.agreed) AS known_rates,
        arrayReverseSort(f -> (f.1, f.2),
            arrayFilter(f -> f.2 < at AND f.1 <= began, in_force.asked))[1].3 AS asked_sha256,
        arrayFilter(t -> t.2 < at AND t.1 <= began AND asked_sha256 IN ('', t.3), terms.signed)
            AS known_terms,
        arrayReverseSort(c -> (c.1, c.2),
            arrayFilter(c -> c.2 < at AND c.1 <= began, staffing.changes))[1].3 AS staffed_by,
        arrayReverseSort(c -> (c.1, c.2),
            arrayFilter(c -> c.2 < at AND c.1 <= began, standing.changes))[1].3 AS stands_by,
        arrayExists(h -> h.2 < at AND h.1 <= began, hired.times) AS is_hired,
        arrayReverseSort(p -> (p.1, p.2),
            arrayFilter(p -> p.2 < at AND p.1 <= began, policies.applied))[1] AS policy,
        policy.3 AS increment_ms
    FROM entries
    LEFT JOIN covered USING (expert, entry)
    LEFT JOIN rates USING (expert, project)
    LEFT JOIN terms USING (expert, project)
    LEFT JOIN in_force USING (expert, project)
    LEFT JOIN staffing USING (expert, project)
    LEFT JOIN hired USING (expert)
    LEFT JOIN standing USING (expert)
    LEFT JOIN policies USING (expert, project)
),
-- Cut at every point where something might change.
cut AS (
    SELECT *,
        arraySort(arrayDistinct(arrayConcat([began, ended],
            arrayFilter(p -> p > began AND p < ended, arrayConcat(
                arrayMap(s -> s.1, stretches), arrayMap(s -> s.2, stretches),
                arrayFlatten(arrayMap(s -> arrayMap(t -> t.1, s.3), stretches)),
                arrayFlatten(arrayMap(s -> arrayMap(t -> t.2, s.3), stretches)),
                arrayMap(r -> r.1, known_rates)))))) AS points,
        arrayPopBack(points) AS starts,
        arrayPopFront(points) AS ends
    FROM joined
),
pieces AS (
    SELECT expert, entry, project, place, at, billable, start, end, is_hired, stands_by,
        staffed_by, known_terms, policy.4 AS policy_version,
        arrayExists(s -> s.1 <= start AND s.2 > start
            AND NOT arrayExists(t -> t.1 <= start AND t.2 > start, s.3), stretches) AS is_taken,
        arrayFirst(r -> r.1 <= start, arrayReverseSort(r -> (r.1, r.2), known_rates)) AS rate
    FROM cut ARRAY JOIN starts AS start, ends AS end
),
-- What lies over a cap is checked by itself: here it counts as what it would be without one.
want AS (
    SELECT expert, entry,
        toString((project, reason, if(billable, rate.3, 0), if(billable, rate.4, ''), sha256, policy_version,
            place, at)) AS facts,
        (sum(intDiv(end - start, 1000)), min(start), max(end)) AS time
    FROM (
        SELECT *, multiIf(NOT billable, 'not_billable', is_taken, 'overlap', NOT is_hired,
            'not_hired', stands_by = 'ExpertSuspended', 'suspended',
            stands_by = 'ExpertOffboarded', 'offboarded',
            staffed_by != 'ProjectStaffed', 'not_staffed', empty(known_terms), 'awaiting_terms',
            rate.4 = '', 'no_rate', '') AS reason,
            arrayReverseSort(t -> (t.1, t.2), known_terms)[1].3 AS sha256
        FROM pieces
    ) GROUP BY expert, entry, facts
),
opened AS (
    SELECT payout_lines_opened.* FROM payout_lines_opened INNER JOIN reached USING (partition)
    WHERE payout_lines_opened.offset <= reached.upto AND kind = 'worked'
),
have AS (
    SELECT expert_id AS expert, entry_id AS entry,
        toString((project_id, if(reason = 'over_cap', '', reason), rate_minor_per_hour, currency,
            terms_sha256, policy_version, partition, offset)) AS facts,
        (sum(intDiv(dateDiff('us', started_at, ended_at), 1000)),
            min(toUnixTimestamp64Micro(started_at)), max(toUnixTimestamp64Micro(ended_at))) AS time
    FROM opened GROUP BY expert, entry, facts
),
-- An entry is paid for what it lasted, rounded to the increment of the policy in force.
lasted AS (
    SELECT expert, entry, intDiv(ended - began, 1000) AS ms,
        if(billable AND increment_ms > 1,
            intDiv(2 * ms + increment_ms, 2 * increment_ms) * increment_ms, ms) AS paid_ms
    FROM joined
)
