"""Every projection there is, by name."""

from projections.agents.fold import agents
from projections.archive import archive
from projections.fraud.fold import fraud
from projections.payout.fold import payout
from projections.projection import Projection
from projections.utilization.fold import utilization

PROJECTIONS: dict[str, Projection] = {
    projection.name: projection for projection in (archive, payout, agents, utilization, fraud)
}
"""Projection by name: adding one here gives it tables, a worker and its place in `verify`."""
