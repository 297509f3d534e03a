"""The events of workforce.tokens, made from schemas/avro/ by `workledger schemas ship`."""

from typing import Literal

from schemas.event import Event


class TokenSeen(Event, frozen=True, kw_only=True):
    """A device, network or bank destination is seen with an expert: sightings, by token instead
    of by expert. Derived from `DeviceSighted`, `TimeSessionStarted` or
    `PayoutDestinationChanged`.
    """

    token: str
    kind: Literal["device", "network", "destination"]
    expert_id: str
