"""The payout fold with every handler in it: importing this is what registers them."""

from projections.payout import adjustments, corrections, entries, holds, rates, standing
from projections.payout.state import payout

__all__ = ["adjustments", "corrections", "entries", "holds", "payout", "rates", "standing"]
