"""The events of workforce.payouts, made from schemas/avro/ by `workledger schemas ship`."""

import msgspec

from schemas.event import Event


class FxRateStamped(Event, frozen=True, kw_only=True):
    """The rate at which a close converts between two currencies."""

    pair: str
    rate_decimal: str
    rate_source: str
    as_of: int


class PayoutBatchApproved(Event, frozen=True, kw_only=True):
    """A person lets a closed batch go out. Its actor is another than closed it."""

    batch_id: str


class WatermarkPosition(msgspec.Struct, frozen=True, kw_only=True):
    """The last offset of a partition that the close includes."""

    topic: str
    partition: int
    offset: int


class BatchTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch pays in one currency."""

    currency: str
    gross_minor: int
    expert_count: int
    line_count: int


class PayoutBatchClosed(Event, frozen=True, kw_only=True):
    """A batch is closed at a watermark: every payable unpaid line up to the cut-off and these
    offsets is in it, and it can be computed again at any time. The first close of a batch in
    the log wins.
    """

    batch_id: str
    cutoff_at: int
    watermark: list[WatermarkPosition]
    fold_version: int
    zone_data_version: str
    totals: list[BatchTotal]
    lines_sha256: bytes


class PayoutBatchOpened(Event, frozen=True, kw_only=True):
    """A pay period is opened; an overlapping one of the same calendar is refused."""

    batch_id: str
    period_start: int
    period_end: int
    zone: str
    pay_date: str
    currencies: list[str]


class PeriodReopened(Event, frozen=True, kw_only=True):
    """A closed period takes lines again, with a second person's approval."""

    reason: str
    approved_by: str


class ReconciliationBreakRaised(Event, frozen=True, kw_only=True):
    """The processor's file and the ledger differ over a payment."""

    payout_id: str | None = None
    processor_ref: str
    expected_minor: int
    actual_minor: int


class ReconciliationMatched(Event, frozen=True, kw_only=True):
    """A payout is found in the processor's file with the same amount."""

    payout_id: str


class TaxRemitted(Event, frozen=True, kw_only=True):
    """Withheld tax is paid to the authority."""

    regime: str
    amount_minor: int
    currency: str
