"""API keys: made once, shown once, kept as hashes, expiring, revocable."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from api.access.caller import PERSON, SUBJECT, SUBJECT_CHARS_MAX, Caller
from api.access.roles import Role
from api.operational.tables import API_KEYS

PREFIX = "wl"
ID_BYTES, SECRET_BYTES = 6, 32
DAY_US = 86_400_000_000
LIFE_DAYS, LIFE_DAYS_MAX = 90, 366
FIRST = "first-admin"
NAME_BYTES_MAX = 100
"""The name is part of an actor in the ledger, which has at most 200 bytes."""


class KeyRefusedError(Exception):
    """A key that cannot be made or does not open anything; the message says why."""


class ApiKey(NamedTuple):
    """What is known of a key; its secret is not."""

    key_id: str
    name: str
    role: str
    expert_id: str
    created_at: int
    expires_at: int
    revoked_at: int | None
    person: str
    """The `sub` of whose key it is; empty for a program's."""

    def state_at(self, now_us: int) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now_us else "active"


class Keys:
    """The keys in the operational store. Times are microseconds, given by the caller."""

    def __init__(self, store: sa.Engine) -> None:
        self._store = store

    def create(
        self,
        name: str,
        role: Role,
        now_us: int,
        *,
        days: int = LIFE_DAYS,
        expert_id: str = "",
        person: str = "",
    ) -> str:
        """Make a key and answer with it: it cannot be shown again.

        Who calls with a key of a `person` is that person, as with a token of theirs. Raises
        `KeyRefusedError` where the name is taken, the life too long, a key of role `expert` names
        no expert, or the person is no `sub` that a token could have.
        """
        key, row = _made(name, role, now_us, days, expert_id, person)
        with self._changing(name) as connection:
            connection.execute(sa.insert(API_KEYS), row)
        return key

    def replace(
        self, name: str, role: Role, now_us: int, *, days: int = LIFE_DAYS, person: str = ""
    ) -> str:
        """Make a key in the place of the one of that name, which opens nothing from then on."""
        key, row = _made(name, role, now_us, days, person=person)
        with self._changing(name) as connection:
            connection.execute(_revoked(name, now_us))
            connection.execute(sa.insert(API_KEYS), row)
        return key

    def first(self, now_us: int) -> str | None:
        """Make a key of role admin in a store that never held a key; none in any other.

        Of several processes that ask at once, one gets it.
        """
        key, row = _made(FIRST, Role.admin, now_us, LIFE_DAYS)
        empty = sa.select(sa.func.count()).select_from(API_KEYS)
        try:
            with self._changing(FIRST) as connection:
                if connection.scalar(empty):
                    return None
                connection.execute(sa.insert(API_KEYS), row)
        except KeyRefusedError:
            return None
        return key

    def every(self) -> list[ApiKey]:
        """All keys, the newest first."""
        columns = [API_KEYS.c[name] for name in ApiKey._fields]
        question = sa.select(*columns).order_by(API_KEYS.c.created_at.desc(), API_KEYS.c.key_id)
        with self._store.connect() as connection:
            return [ApiKey(*row) for row in connection.execute(question)]

    def revoke(self, name: str, now_us: int) -> None:
        """End a key now. Raises `KeyRefusedError` where there is none of that name."""
        with self._store.begin() as connection:
            if connection.execute(_revoked(name, now_us)).rowcount == 0:
                raise KeyRefusedError(f"There is no key named {name} that opens anything.")

    @contextmanager
    def _changing(self, name: str) -> Iterator[sa.Connection]:
        """A transaction; raises `KeyRefusedError` where the name is taken."""
        try:
            with self._store.begin() as connection:
                yield connection
        except IntegrityError:
            raise KeyRefusedError(f"There is a key named {name} already.") from None

    def caller(self, key: str, now_us: int) -> Caller:
        """Whose key this is. Raises `KeyRefusedError`; of a wrong key it never says what is wrong.

        The secret has 256 random bits, so a fast hash keeps it: nothing is there to be guessed.
        """
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        with self._store.connect() as connection:
            row = connection.execute(
                sa.select(API_KEYS).where(API_KEYS.c.key_id == key_id)
            ).one_or_none()
        known = row.secret_sha256 if row else bytes(32)
        if not hmac.compare_digest(_hash(secret), known) or row is None or prefix != PREFIX:
            raise KeyRefusedError("The key is not known.")
        if row.revoked_at is not None:
            raise KeyRefusedError("The key was revoked.")
        if row.expires_at <= now_us:
            raise KeyRefusedError("The key has expired.")
        identity = f"{PERSON}{row.person}" if row.person else f"key:{row.name}"
        return Caller(identity, Role(row.role), row.expert_id)


def _made(
    name: str, role: Role, now_us: int, days: int, expert_id: str = "", person: str = ""
) -> tuple[str, dict[str, object]]:
    """A fresh key, and its row. Raises `KeyRefusedError` where it makes no sense."""
    if not 1 <= days <= LIFE_DAYS_MAX:
        raise KeyRefusedError(f"A key lives 1 to {LIFE_DAYS_MAX} days, not {days}.")
    if not name.isprintable() or not 1 <= len(name.encode()) <= NAME_BYTES_MAX:
        raise KeyRefusedError(f"A key's name has 1 to {NAME_BYTES_MAX} bytes, all printable.")
    if (role is Role.expert) != bool(expert_id):
        raise KeyRefusedError("A key of role expert names its expert, and no other does.")
    if person and (role is Role.expert or not SUBJECT.fullmatch(person)):
        raise KeyRefusedError(
            f"person is {person!r}: the `sub` of their tokens, 1 to {SUBJECT_CHARS_MAX} printable "
            "characters; a key of role expert has none."
        )
    key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    row: dict[str, object] = {
        "key_id": key_id, "name": name, "role": str(role), "expert_id": expert_id,
        "person": person, "secret_sha256": _hash(secret), "created_at": now_us,
        "expires_at": now_us + days * DAY_US,
    }  # fmt: skip
    return f"{PREFIX}_{key_id}_{secret}", row


def _revoked(name: str, now_us: int) -> sa.Update:
    return (
        sa.update(API_KEYS)
        .where(API_KEYS.c.name == name, API_KEYS.c.revoked_at.is_(None))
        .values(revoked_at=now_us)
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
