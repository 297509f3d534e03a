"""Who calls, whether by a key or by a token."""

from typing import NamedTuple

from api.access.roles import Role


class Caller(NamedTuple):
    """Who calls."""

    identity: str
    """Who it is, for good: `key:NAME` for every key of a name, `user:…` for a person."""
    role: Role
    expert_id: str = ""
    """The expert whose rows alone a caller of that role may see."""

    @property
    def name(self) -> str:
        """The identity without what kind it is of."""
        return self.identity.partition(":")[2]

    @property
    def actor(self) -> str:
        """How the ledger names who acts: `staff:ana`, `staff:key:payroll`, `expert:ines-duarte`."""
        if self.role is Role.expert:
            return f"expert:{self.expert_id}"
        return f"staff:{self.identity.removeprefix('user:')}"
