"""`Idempotency-Key`: the same key and body gives the first answer again, also to a retry.

A request in flight holds a lease. One whose process died lets it expire; the retry then sends the
same events under the same ids, which the ledger takes once.
"""

import hashlib
from typing import Any, NamedTuple

import sqlalchemy as sa
from litestar import Request
from sqlalchemy.exc import IntegrityError

from api.errors import ProblemError
from api.operational.tables import ANSWERS

LEASE_S = 30.0
"""A request that has not ended after this long is taken for dead."""
KEPT_US = 24 * 3_600_000_000
"""How long an answer is given again."""
KEY_CHARS_MAX = 255


class Answer(NamedTuple):
    """What was answered."""

    status: int
    body: bytes


class KeyReusedError(Exception):
    """The same key came with another body."""


class InFlightError(Exception):
    """A request with this key has not ended yet."""


def key_of(request: Request[Any, Any, Any]) -> str:
    """The request's `Idempotency-Key`, empty without one. Raises 400 where it is too long."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > KEY_CHARS_MAX:
        detail = f"Idempotency-Key has at most {KEY_CHARS_MAX} characters."
        raise ProblemError(400, "bad_request", detail)
    return key


class Idempotency:
    """The answers of requests that had a key, in the operational store."""

    def __init__(self, store: sa.Engine, lease_s: float = LEASE_S) -> None:
        self._store, self._lease_us = store, int(lease_s * 1_000_000)

    def begin(self, caller: str, key: str, body: bytes, now_us: int) -> Answer | None:
        """Take the key for a request; the answer where it was given already.

        Raises `KeyReusedError` or `InFlightError`.
        """
        body_sha256 = hashlib.sha256(body).digest()
        row = {
            "caller": caller, "idempotency_key": key, "body_sha256": body_sha256,
            "lease_until": now_us + self._lease_us,
        }  # fmt: skip
        with self._store.begin() as connection:
            connection.execute(sa.delete(ANSWERS).where(ANSWERS.c.lease_until < now_us - KEPT_US))
        try:
            with self._store.begin() as connection:
                connection.execute(sa.insert(ANSWERS), row)
            return None
        except IntegrityError:
            return self._taken(caller, key, body_sha256, now_us)

    def end(self, caller: str, key: str, answer: Answer) -> None:
        """Keep the answer of a request that took the key."""
        kept = sa.update(ANSWERS).where(*_named(caller, key))
        with self._store.begin() as connection:
            connection.execute(kept.values(status=answer.status, answer=answer.body))

    def give_up(self, caller: str, key: str) -> None:
        """Let the key be taken anew: the request came to nothing that could be told again."""
        with self._store.begin() as connection:
            connection.execute(sa.delete(ANSWERS).where(*_named(caller, key)))

    def _taken(self, caller: str, key: str, body_sha256: bytes, now_us: int) -> Answer | None:
        with self._store.begin() as connection:
            row = connection.execute(sa.select(ANSWERS).where(*_named(caller, key))).one_or_none()
            if row is None:  # given up in this moment: the retry finds it free
                raise InFlightError
            if row.body_sha256 != body_sha256:
                raise KeyReusedError
            if row.status is not None:
                return Answer(row.status, row.answer)
            # Whoever moves the lease first has it: another that saw it expire finds it moved.
            expired = (ANSWERS.c.lease_until == row.lease_until, ANSWERS.c.lease_until <= now_us)
            moved = sa.update(ANSWERS).where(*_named(caller, key), *expired)
            if connection.execute(moved.values(lease_until=now_us + self._lease_us)).rowcount == 0:
                raise InFlightError
            return None


def _named(caller: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    """What the row of a caller's key fulfils."""
    return ANSWERS.c.caller == caller, ANSWERS.c.idempotency_key == key
