"""API keys: made once, shown once, kept as hashes, expiring, revocable."""

import hashlib
import hmac
import secrets
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from api.access.caller import Caller
from api.access.roles import Role
from api.operational.tables import API_KEYS

PREFIX = "wl"
ID_BYTES, SECRET_BYTES = 6, 32
DAY_US = 86_400_000_000
LIFE_DAYS, LIFE_DAYS_MAX = 90, 366


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
        self, name: str, role: Role, now_us: int, *, days: int = LIFE_DAYS, expert_id: str = ""
    ) -> str:
        """Make a key and answer with it: it cannot be shown again.

        Raises `KeyRefusedError` where the name is taken, the life too long, or a key of role
        `expert` names no expert.
        """
        if not 1 <= days <= LIFE_DAYS_MAX:
            raise KeyRefusedError(f"A key lives 1 to {LIFE_DAYS_MAX} days, not {days}.")
        if (role is Role.expert) != bool(expert_id):
            raise KeyRefusedError("A key of role expert names its expert, and no other does.")
        key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        row = {
            "key_id": key_id, "name": name, "role": str(role), "expert_id": expert_id,
            "secret_sha256": _hash(secret), "created_at": now_us,
            "expires_at": now_us + days * DAY_US,
        }  # fmt: skip
        try:
            with self._store.begin() as connection:
                connection.execute(sa.insert(API_KEYS), row)
        except IntegrityError:
            raise KeyRefusedError(f"There is a key named {name} already.") from None
        return f"{PREFIX}_{key_id}_{secret}"

    def every(self) -> list[ApiKey]:
        """All keys, the newest first."""
        columns = [API_KEYS.c[name] for name in ApiKey._fields]
        question = sa.select(*columns).order_by(API_KEYS.c.created_at.desc(), API_KEYS.c.key_id)
        with self._store.connect() as connection:
            return [ApiKey(*row) for row in connection.execute(question)]

    def revoke(self, name: str, now_us: int) -> None:
        """End a key now. Raises `KeyRefusedError` where there is none of that name."""
        ended = (
            sa.update(API_KEYS)
            .where(API_KEYS.c.name == name, API_KEYS.c.revoked_at.is_(None))
            .values(revoked_at=now_us)
        )
        with self._store.begin() as connection:
            if connection.execute(ended).rowcount == 0:
                raise KeyRefusedError(f"There is no key named {name} that opens anything.")

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
        return Caller(f"key:{row.name}", Role(row.role), row.expert_id)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
