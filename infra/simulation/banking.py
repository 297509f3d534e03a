"""Where an expert's money goes: the first destination, a change of bank, and a stolen account."""

from __future__ import annotations

from typing import Literal

from infra.simulation.life import Life
from infra.simulation.marketplace import CURRENCY, HOUR_US, token
from schemas.events import PayoutDestinationChanged, PayoutDestinationVerified

METHODS: dict[str, Literal["ach", "sepa"]] = {"US": "ach", "DE": "sepa", "PT": "sepa"}
"""By country; elsewhere it is a wire."""
VERIFIED_AFTER_US = 26 * HOUR_US


def tell_destination(life: Life, at: int, account: str) -> None:
    """Somebody names an account to be paid to, by its owner; a day later it is verified."""
    person, destination = life.person, token(f"account {account}")
    changed = PayoutDestinationChanged(
        destination_token=destination, method=METHODS.get(person.home.country, "wire"),
        currency=CURRENCY,
    )  # fmt: skip
    life.diary.tell(person.expert_id, at, changed, actor=person.actor)
    verified = PayoutDestinationVerified(destination_token=destination)
    life.diary.tell(person.expert_id, at + VERIFIED_AFTER_US, verified)
