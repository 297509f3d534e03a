"""The envelope of every event, made from schemas/avro/ by `workledger schemas ship`."""

import msgspec


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries. The catalogue puts these fields before an event's own.
    `recorded_at` stands first, so that what follows its bytes is the content that two
    deliveries of one event share.
    """

    recorded_at: int
    event_id: bytes
    subject_id: str
    occurred_at: int
    actor: str
    source: str
    causation_id: bytes | None = None
    correlation_id: str | None = None
