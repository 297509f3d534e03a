"""The utilization fold with every handler in it: importing this is what registers them."""

from projections.utilization import claims, entries, hiring, reports
from projections.utilization.state import utilization

__all__ = ["claims", "entries", "hiring", "reports", "utilization"]
