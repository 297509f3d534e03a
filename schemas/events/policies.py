"""The events of workforce.policies, made from schemas/avro/ by `workledger schemas ship`."""

from typing import Literal

import msgspec

from schemas.event import Event


class AllowListed(Event, frozen=True, kw_only=True):
    """A token that several experts share for a good reason, such as a household or a lab, raises
    no alert for a while.
    """

    token: str
    reason: str
    until: int


class BaselineValue(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a baseline."""

    name: str
    value: float


class BaselineComputed(Event, frozen=True, kw_only=True):
    """What is usual among comparable work: medians and the like, computed now and then, so that
    a replay sees what was known then.
    """

    detector: str
    segment: str
    as_of: int
    values: list[BaselineValue]


class PolicyActivated(Event, frozen=True, kw_only=True):
    """Another version of a policy is in force from here in the log, so that a replay uses what
    was in force.
    """

    kind: Literal["detector", "tax", "payout", "minimum", "guard"]
    name: str
    version: str
    mode: Literal["replay", "shadow", "live"] | None = None
    sha256: bytes
