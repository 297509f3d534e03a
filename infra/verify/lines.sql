-- Payout lines computed from the archived events alone, at a watermark that archive and payout
-- have both reached, and compared with payout_lines. It shares no code with the fold: whole histories as
-- arrays instead of one event after another.
WITH
reached AS (
    SELECT partition, min(offset) AS upto FROM watermarks
    WHERE topic = 'workforce.experts' AND projection IN ('archive', 'payout')
    GROUP BY partition HAVING count() = 2
),
told AS (
    SELECT events.* FROM events INNER JOIN reached USING (partition)
    WHERE events.topic = 'workforce.experts' AND events.offset <= reached.upto
),
-- An entry is the first of its id; what tells of it again is a repeat or a conflict.
entries AS (
    SELECT
        subject_id AS expert,
        fields.entry_id.:String AS entry,
        min(offset) AS at,
        any(partition) AS place,
        argMin(fields.project_id.:String, offset) AS project,
        argMin(fields.billable.:Bool, offset) AS billable,
        argMin(fields.started_at.:Int64, offset) AS began,
        argMin(fields.ended_at.:Int64, offset) AS ended
    FROM told WHERE event_type = 'TimeEntryRecorded'
    GROUP BY expert, entry
),
rates AS (
    SELECT subject_id AS expert, fields.project_id.:String AS project,
        groupArray((assumeNotNull(fields.effective_from.:Int64), offset,
            assumeNotNull(fields.rate_minor_per_hour.:Int64),
            assumeNotNull(fields.currency.:String))) AS agreed
    FROM told WHERE event_type IN ('RateAgreed', 'RateChanged') GROUP BY expert, project
),
terms AS (
    SELECT subject_id AS expert, fields.project_id.:String AS project,
        groupArray((toUnixTimestamp64Micro(occurred_at), offset, fields.terms_sha256.:String)) AS signed
    FROM told WHERE event_type = 'TermsAccepted' GROUP BY expert, project
),
staffed AS (
    SELECT subject_id AS expert, fields.project_id.:String AS project,
        groupArray((toUnixTimestamp64Micro(occurred_at), offset)) AS times
    FROM told WHERE event_type = 'ProjectStaffed' GROUP BY expert, project
),
hired AS (
    SELECT subject_id AS expert, groupArray((toUnixTimestamp64Micro(occurred_at), offset)) AS times
    FROM told WHERE event_type = 'ExpertHired' GROUP BY expert
),
-- Which earlier billable entries of the expert cover instants of an entry: only those that share
-- an hour with it can.
hours AS (
    SELECT expert, entry, at, began, ended, billable,
        arrayJoin(range(toUInt32(intDiv(began, 3600000000)),
            toUInt32(intDiv(ended - 1, 3600000000) + 1))) AS hour
    FROM entries
),
covered AS (
    SELECT later.expert AS expert, later.entry AS entry,
        groupUniqArray((earlier.began, earlier.ended)) AS stretches
    FROM hours AS later INNER JOIN hours AS earlier
        ON later.expert = earlier.expert AND later.hour = earlier.hour
    WHERE later.billable AND earlier.billable AND earlier.at < later.at
        AND earlier.began < later.ended AND earlier.ended > later.began
    GROUP BY expert, entry
),
joined AS (
    SELECT entries.expert AS expert, entries.entry AS entry, entries.at AS at,
        entries.place AS place, entries.project AS project, entries.billable AS billable,
        entries.began AS began, entries.ended AS ended,
        covered.stretches AS stretches,
        arrayFilter(r -> r.2 < at, rates.agreed) AS known_rates,
        arrayFilter(t -> t.2 < at AND t.1 <= began, terms.signed) AS known_terms,
        arrayExists(s -> s.2 < at AND s.1 <= began, staffed.times) AS is_staffed,
        arrayExists(h -> h.2 < at AND h.1 <= began, hired.times) AS is_hired
    FROM entries
    LEFT JOIN covered USING (expert, entry)
    LEFT JOIN rates USING (expert, project)
    LEFT JOIN terms USING (expert, project)
    LEFT JOIN staffed USING (expert, project)
    LEFT JOIN hired USING (expert)
),
-- Cut at every point where something might change, then keep the cuts where something does.
cut AS (
    SELECT *,
        arraySort(arrayDistinct(arrayConcat([began, ended],
            arrayFilter(p -> p > began AND p < ended, arrayConcat(
                arrayMap(s -> s.1, stretches), arrayMap(s -> s.2, stretches),
                arrayMap(r -> r.1, known_rates)))))) AS points,
        arrayMap(p -> (
            arrayExists(s -> s.1 <= p AND s.2 > p, stretches),
            arrayFirst(r -> r.1 <= p, arrayReverseSort(r -> (r.1, r.2), known_rates))
        ), arrayPopBack(points)) AS kinds,
        arrayFilter((p, i) -> i = 1 OR kinds[i] != kinds[i - 1],
            arrayPopBack(points), arrayEnumerate(kinds)) AS starts,
        arrayFilter((k, i) -> i = 1 OR kinds[i] != kinds[i - 1],
            kinds, arrayEnumerate(kinds)) AS kept,
        arrayPushBack(arrayPopFront(starts), ended) AS ends
    FROM joined
),
expected AS (
    SELECT expert, entry, project, place AS partition, at AS offset, start, end,
        intDiv(end - start, 1000) AS ms,
        kind.1 AS is_taken,
        kind.2 AS rate,
        multiIf(NOT billable, 'not_billable', is_taken, 'overlap', NOT is_hired, 'not_hired',
            NOT is_staffed, 'not_staffed', empty(known_terms), 'awaiting_terms',
            rate.4 = '', 'no_rate', '') AS reason,
        multiIf(reason = '', 'payable', reason = 'not_billable', 'unbilled', 'waiting') AS status,
        if(billable, intDiv(ms * rate.3, 3600000) + (2 * (ms * rate.3 % 3600000) >= 3600000), 0)
            AS amount,
        arrayReverseSort(t -> (t.1, t.2), known_terms)[1].3 AS sha256
    FROM cut ARRAY JOIN starts AS start, ends AS end, kept AS kind
),
lines AS (
    SELECT payout_lines.* FROM payout_lines INNER JOIN reached USING (partition)
    WHERE payout_lines.offset <= reached.upto
),
want AS (
    SELECT expert, entry, start, (project, status, reason, end, ms, rate.3, toInt64(amount),
        rate.4, sha256) AS facts, partition, offset
    FROM expected
),
have AS (
    SELECT expert_id AS expert, entry_id AS entry, toUnixTimestamp64Micro(started_at) AS start,
        (project_id, toString(status), toString(reason), toUnixTimestamp64Micro(ended_at),
        duration_ms, rate_minor_per_hour, amount_minor, toString(currency), terms_sha256) AS facts,
        partition, offset
    FROM lines
)
