-- What is posted for an entry comes to its payable time at the rates that are known last, whatever came
-- in which order: exact thousandths of a minor unit against the sum of its lines, each of which was
-- rounded once.
rates AS (
    SELECT expert, project,
        groupArray((effective_from, offset, rate_minor_per_hour, currency)) AS agreed
    FROM told WHERE event_type IN ('RateAgreed', 'RateChanged') GROUP BY expert, project
),
lines AS (
    SELECT opened.expert_id AS expert, project_id AS project, entry_id AS entry, kind, status,
        currency, duration_ms, amount_minor, closed.status = '' AS is_open,
        toUnixTimestamp64Micro(started_at) AS start, toUnixTimestamp64Micro(ended_at) AS end
    FROM payout_lines_opened AS opened
    LEFT JOIN payout_lines_closed AS closed
        ON closed.expert_id = opened.expert_id AND closed.line_id = opened.line_id
    WHERE opened.status IN ('payable', 'disputed')
),
paid AS (
    SELECT lines.*,
        arrayFilter(r -> r.1 < end, agreed) AS known,
        arraySort(arrayDistinct(arrayConcat([start, end],
            arrayFilter(p -> p > start AND p < end, arrayMap(r -> r.1, known))))) AS points
    FROM lines INNER JOIN rates USING (expert, project)
    WHERE is_open AND duration_ms != 0
),
pieces AS (
    SELECT expert, entry,
        arrayFirst(r -> r.1 <= at, arrayReverseSort(r -> (r.1, r.2), known)) AS rate,
        -- What a policy's increment rounds belongs to the end.
        intDiv(until - at, 1000) + if(until = end, duration_ms - intDiv(end - start, 1000), 0) AS ms
    FROM paid ARRAY JOIN arrayPopBack(points) AS at, arrayPopFront(points) AS until
),
want AS (
    SELECT expert, entry, rate.4 AS currency, sum(ms * rate.3) AS exact, count() AS pieces
    FROM pieces
    GROUP BY expert, entry, currency
),
have AS (
    SELECT expert, entry, currency, sum(amount_minor) AS posted, count() AS roundings
    FROM lines WHERE is_open GROUP BY expert, entry, currency
)
