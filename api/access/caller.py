"""Who calls, whether by a key or by a token."""

import re
from typing import NamedTuple

from api.access.roles import Role

PERSON = "user:"
SUBJECT_CHARS_MAX = 194
"""An actor has at most 200 bytes in the ledger, `staff:` included."""
SUBJECT = re.compile(rf"(?!key:)[\x21-\x7e]{{1,{SUBJECT_CHARS_MAX}}}")
"""OIDC's subject, printable; one that reads like a key's name could pass for it in the ledger."""


class Caller(NamedTuple):
    """Who calls."""

    identity: str
    """Who it is, for good: `user:SUB` for a person, by token or key; `key:NAME` for a program."""
    role: Role
    expert_id: str = ""
    """The expert whose rows alone a caller of that role may see."""

    @property
    def is_person(self) -> bool:
        """Whether somebody answers for what this caller decides."""
        return self.identity.startswith(PERSON)

    @property
    def name(self) -> str:
        """The identity without what kind it is of."""
        return self.identity.partition(":")[2]

    @property
    def actor(self) -> str:
        """How the ledger names who acts: `staff:ana`, `staff:key:payroll`, `expert:ines-duarte`."""
        if self.role is Role.expert:
            return f"expert:{self.expert_id}"
        return f"staff:{self.identity.removeprefix(PERSON)}"
