"""The utilization fold with every handler in it: importing this is what registers them."""

from projections.utilization import entries
from projections.utilization.state import utilization

__all__ = ["entries", "utilization"]
