-- What people decided about an entry, held against the lines that stood before each decision and those
-- that it opened: a rejection leaves none, an exception frees so much of what waited for its reason, a
-- dispute moves so much of what was payable, a resolution gives so much of it back, an adjustment adds
-- its length or leaves nothing of its interval.
rejected AS (
    SELECT expert, entry, min(offset) AS rejected_at FROM told
    INNER JOIN entries USING (expert, entry)
    WHERE event_type = 'TimeEntryRejected' AND offset > at GROUP BY expert, entry
),
decided AS (
    SELECT told.partition AS partition, told.offset AS offset, expert, entry, event_type, is_plus,
        told.began AS began, told.ended AS ended, told.approved_ms AS approved_ms,
        told.disputed_ms AS disputed_ms, told.exception_kind AS exception_kind,
        rejected_at > 0 AND rejected_at < offset AS is_gone
    FROM told INNER JOIN entries USING (expert, entry) LEFT JOIN rejected USING (expert, entry)
    WHERE event_type IN ('TimeEntryRejected', 'TimeEntryAdjusted', 'ExceptionApproved',
        'TimeEntryDisputed', 'DisputeResolved') AND told.offset > entries.at
),
lines AS (
    SELECT opened.expert_id AS expert, entry_id AS entry, opened.offset AS since, kind,
        opened.status AS status, reason, currency, duration_ms,
        if(closed.status = '', 0x7fffffffffffffff, closed.offset) AS until,
        toUnixTimestamp64Micro(started_at) AS start, toUnixTimestamp64Micro(ended_at) AS end
    FROM payout_lines_opened AS opened
    LEFT JOIN payout_lines_closed AS closed
        ON closed.expert_id = opened.expert_id AND closed.line_id = opened.line_id
),
both AS (
    SELECT decided.*, since, kind, lines.status AS status, duration_ms, start, end,
        since < offset AND until >= offset AS stood,
        until > offset AND status != 'rejected' AS stands,
        stood AND multiIf(
            event_type = 'TimeEntryDisputed', status = 'payable',
            event_type = 'DisputeResolved', status = 'disputed',
            event_type = 'ExceptionApproved', status = 'waiting' AND currency != '' AND multiIf(
                exception_kind = 'not_standing',
                reason IN ('not_hired', 'suspended', 'offboarded', 'not_staffed'),
                exception_kind = 'no_terms', reason = 'awaiting_terms', reason = exception_kind),
            false) AS is_meant
    FROM decided INNER JOIN lines USING (expert, entry)
),
held AS (
    SELECT expert, entry, partition, offset, event_type AS decision,
        sumIf(duration_ms, is_meant) AS meant_ms,
        multiIf(
            decision = 'TimeEntryRejected', toInt64(0),
            decision = 'TimeEntryAdjusted',
            if(is_plus AND NOT is_gone, intDiv(ended - began, 1000), toInt64(0)),
            decision = 'TimeEntryDisputed', least(disputed_ms, meant_ms),
            least(approved_ms, meant_ms)) AS want_ms,
        sumIf(duration_ms, since = offset AND kind = multiIf(
            event_type = 'TimeEntryAdjusted' AND is_plus, 'adjusted',
            event_type = 'TimeEntryDisputed', 'disputed', event_type = 'DisputeResolved', 'upheld',
            event_type = 'ExceptionApproved', 'excepted', '')) AS made_ms,
        -- A line that should be gone counts as a millisecond.
        toInt64(countIf(stands AND (event_type = 'TimeEntryRejected' OR (
            event_type = 'TimeEntryAdjusted' AND NOT is_plus AND since <= offset
            AND start < ended AND end > began)))) AS left_ms,
        made_ms + left_ms AS have_ms
    FROM both
    GROUP BY expert, entry, partition, offset, event_type, is_plus, is_gone, began, ended,
        approved_ms, disputed_ms
),
-- Lines that no such decision brought about.
orphans AS (
    SELECT expert_id AS expert, entry_id AS entry, opened.partition AS partition,
        opened.offset AS offset, concat(kind, ' by ', told.event_type) AS decision
    FROM payout_lines_opened AS opened
    INNER JOIN reached ON reached.partition = opened.partition
    LEFT JOIN told ON told.partition = opened.partition AND told.offset = opened.offset
    WHERE opened.offset <= reached.upto AND NOT has(multiIf(
        kind = 'worked', ['TimeEntryRecorded'], kind = 'adjusted', ['TimeEntryAdjusted'],
        kind = 'excepted', ['ExceptionApproved'], kind = 'disputed', ['TimeEntryDisputed'],
        kind = 'upheld', ['DisputeResolved'],
        kind = 'refused', ['DisputeResolved', 'TimeEntryRejected', 'TimeEntryAdjusted'],
        kind = 'reversed', ['TimeEntryRejected', 'TimeEntryAdjusted', 'RateAgreed', 'RateChanged'],
        kind IN ('rate_difference', 'repriced'), ['RateAgreed', 'RateChanged'],
        ['TimeEntryAdjusted', 'ExceptionApproved', 'TimeEntryDisputed', 'RateAgreed',
         'RateChanged']), told.event_type)
)
