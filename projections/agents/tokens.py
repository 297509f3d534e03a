"""The tokens agent: each expert hears with whom a device, network or destination is shared."""

from bisect import bisect_left, insort

from projections.agents.state import Symbol, Token, agents
from projections.emit import Emit
from schemas.events import TokenShared

SHARED_MAX = 50
"""A token of more experts than this is an office or a VPN: nothing more is told of it."""


@agents.on("TokenSeen")
def token_seen(token: Token, emit: Emit, subject_id: str, kind: Symbol, expert_id: str) -> None:
    """With every expert who joins, all that share the token hear of all."""
    experts = token.expert_ids
    at = bisect_left(experts, expert_id)
    if experts[at : at + 1] == [expert_id] or len(experts) > SHARED_MAX:
        return
    insort(experts, expert_id)
    if 2 <= len(experts) <= SHARED_MAX:
        for one in experts:
            emit.forward(TokenShared(token=subject_id, kind=kind, expert_ids=list(experts)), one)
