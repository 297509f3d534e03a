"""The events of workforce.audit, made from schemas/avro/ by `workledger schemas ship`."""

from schemas.event import Event


class AccessRecorded(Event, frozen=True, kw_only=True):
    """Somebody read people's data, or took it away in an export. The actor is the key."""

    what: str
    subject_ids: list[str]
    purpose: str | None = None
