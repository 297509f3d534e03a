"""Every line of pay explains itself: the events, the rate, the terms, and the sum."""

from __future__ import annotations

import json

import pytest
from clickhouse_connect.driver.client import Client

from api.explanation import OVERLAPS_SHOWN, Explanation, explain
from projections.looks import look
from tests.infra.kept_histories import history, keep
from tests.integration.workers import rows
from tests.projections.histories import Told
from tests.projections.payout_events import HOUR_MS, READY, about, at, entry, policy, rate, terms

pytestmark = pytest.mark.stack


def explained(client: Client, where: str) -> Explanation:
    [(line_id,)] = rows(client, f"SELECT line_id FROM payout_lines_opened WHERE {where}")
    found = explain(client, look(client), line_id)
    assert found
    return found


def test_a_line_tells_its_events_rate_terms_and_sum(clickhouse: Client) -> None:
    keep(clickhouse, [*READY, entry(1, 3)])
    found = explained(clickhouse, "entry_id = 'e'")
    assert found.words == [
        "2024-10-04 01:00:00 to 2024-10-04 03:00:00 UTC of entry e by expert-1 for p, recorded at "
        "workforce.experts/3/4.",
        "It was opened when the time was recorded.",
        "The rate is 250.00 USD an hour, from RateAgreed at workforce.experts/3/3.",
        "7,200,000 ms × 25,000 ÷ 3,600,000 = 50,000, rounded once, half away from zero: "
        "500.00 USD.",
        "Under the terms 747474747474…, accepted at workforce.experts/3/2.",
        "It is payable.",
    ]
    assert [(one.role, one.event_type) for one in found.sources] == [
        ("the time", "TimeEntryRecorded"),
        ("the rate", "RateAgreed"),
        ("the terms", "TermsAccepted"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "where", "sentences"),
    [
        ([entry(1, 2), rate(30_000, 1)], "kind = 'rate_difference'",
         ["The rate is 300.00 USD an hour instead of 250.00 USD, from RateAgreed at "
          "workforce.experts/3/5.",
          "It posts the new amount less what was posted before: 50.00 USD."]),
        ([entry(1, 2), entry(1, 2, "f")], "reason = 'overlap'",
         ["It waits for a person: an entry that stands earlier in the log has these minutes, and "
          "they are paid once."]),
        ([policy(review_window_ms=900 * HOUR_MS), entry(1, 2)], "entry_id = 'e'",
         ["It is in review until 2024-11-10 14:00 UTC, or until a person approves the entry."]),
        ([policy(review_window_ms=900 * HOUR_MS), entry(1, 2), about("TimeEntryApproved")],
         "entry_id = 'e'", ["It is payable."]),
        ([entry(1, 2), about("TimeEntryRejected")], "kind = 'reversed'",
         ["It takes back what was posted before.",
          "The entry, or this part of it, was rejected: nothing is owed for it."]),
    ],
)  # fmt: skip
def test_a_line_says_why_it_is_as_it_is(
    clickhouse: Client, events: list[Told], where: str, sentences: list[str]
) -> None:
    keep(clickhouse, [*READY, *events])
    words = explained(clickhouse, where).words
    for sentence in sentences:
        assert sentence in words


def test_every_line_of_a_long_history_can_be_explained(clickhouse: Client) -> None:
    keep(clickhouse, history(1))
    ids = rows(clickhouse, "SELECT line_id FROM payout_lines_opened ORDER BY cityHash64(line_id)")
    for (line_id,) in ids[:10]:
        found = explain(clickhouse, look(clickhouse), line_id)
        assert found
        assert found.sources[0].role == "the time"
        assert json.dumps(found.as_json())
    assert explain(clickhouse, look(clickhouse), "00000000-0000-0000-0000-000000000000") is None


def test_of_several_events_that_may_explain_a_line_the_ones_that_counted_are_told(
    clickhouse: Client,
) -> None:
    # The same rate from hours 0 and 5, the same terms accepted at 0 and 6: the later ones count.
    later = [rate(25_000, 5), terms(6)]
    after = [rate(25_000, 30), terms(31)]
    keep(clickhouse, [*READY, *later, entry(8, 9), *after])
    found = explained(clickhouse, "entry_id = 'e'")
    assert [(one.role, one.address) for one in found.sources] == [
        ("the time", "workforce.experts/3/6"),
        ("the rate", "workforce.experts/3/4"),
        ("the terms", "workforce.experts/3/5"),
    ]


def test_of_many_entries_that_cover_a_line_the_first_on_the_log_are_told(
    clickhouse: Client,
) -> None:
    covering = [entry(1 + hour, 2 + hour, f"e{hour}") for hour in range(OVERLAPS_SHOWN + 2)]
    keep(clickhouse, [*READY, *covering, entry(1, 9, "late"), about("TimeEntryApproved", "late")])
    found = explained(clickhouse, "reason = 'overlap'")
    assert [(one.role, one.address) for one in found.sources[-4:]] == [
        ("covers these minutes", "workforce.experts/3/4"),
        ("covers these minutes", "workforce.experts/3/5"),
        ("covers these minutes", "workforce.experts/3/6"),
        ("approved it", "workforce.experts/3/10"),
    ]


def test_a_line_that_is_held_tells_what_was_decided_about_the_hold(clickhouse: Client) -> None:
    hold = {"hold_id": "h", "reason": "look into it", "review_by": at(9_000)}
    placed = {"scope": "all", "scope_ids": [], "placed_by": "kim"}
    keep(
        clickhouse,
        [
            *READY, entry(1, 2), ("PayoutHoldPlaced", hold | placed),
            ("PayoutHoldExtended", hold | {"extended_by": "kim"}),
        ],
    )  # fmt: skip
    found = explained(clickhouse, "entry_id = 'e'")
    assert found.line["status"] == "held"
    assert [(one.role, one.event_type) for one in found.sources[-2:]] == [
        ("holds it", "PayoutHoldPlaced"),
        ("holds it", "PayoutHoldExtended"),
    ]
