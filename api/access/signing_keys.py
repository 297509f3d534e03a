"""The public keys of an OIDC issuer: kept for a while, and never asked for in haste."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

ALGORITHMS = ("RS256", "ES256")
FRESH_S = 600.0
"""Keys are asked for anew after this long, so that one that the issuer withdrew is soon unknown."""
LIFE_S = 3_600.0
"""Where the issuer does not answer, the keys that are known hold for this long, and no longer."""
REFETCH_S = 10.0
"""The issuer is asked at most this often, whatever comes: unknown keys are easily made up."""
TIMEOUT_S = 3.0
KEYS_MAX = 100
RSA_BITS_MIN = 2048


class IssuerDownError(Exception):
    """The issuer's keys are not known, and it does not tell them now."""


class SigningKeys:
    """The keys by which an issuer signs; used by many threads at once."""

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `jwks_url` the issuer's discovery document says where its keys are."""
        self._issuer, self._jwks_url, self._clock_s = issuer, jwks_url, clock_s
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_s = self._asked_s = float("-inf")
        self._lock = threading.Lock()

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key of an id; none where the issuer has none. May block for a fetch.

        Raises `IssuerDownError` where nothing can be said.
        """
        now_s = self._clock_s()
        holds = key_id in self._keys and now_s - self._fetched_s < LIFE_S
        # An issuer that answers slowly keeps one caller waiting, not all whose keys are known.
        if not self._lock.acquire(blocking=not holds):
            return self._keys.get(key_id)
        try:
            now_s = self._clock_s()
            is_fresh = now_s - self._fetched_s < FRESH_S
            may_ask = now_s - self._asked_s >= REFETCH_S
            if may_ask and not (is_fresh and key_id in self._keys):
                self._asked_s = now_s
                self._ask(now_s)
            if now_s - self._fetched_s >= LIFE_S:
                raise IssuerDownError(f"{self._issuer} does not tell its keys now.")
            return self._keys.get(key_id)
        finally:
            self._lock.release()

    def _ask(self, now_s: float) -> None:
        try:
            with httpx.Client(timeout=TIMEOUT_S) as client:
                url = self._jwks_url or self._discovered(client)
                told: Any = client.get(url).raise_for_status().json()
            self._keys = dict(_usable(told["keys"]))
            self._fetched_s = now_s
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return  # what is known holds until its life ends

    def _discovered(self, client: httpx.Client) -> str:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        told = client.get(url).raise_for_status().json()
        if told["issuer"] != self._issuer:
            raise ValueError("another issuer answers")
        return str(told["jwks_uri"])


def _usable(told: list[dict[str, Any]]) -> list[tuple[str, jwt.PyJWK]]:
    """The keys that sign by an algorithm of ours, by their id; the others are left out."""
    found: list[tuple[str, jwt.PyJWK]] = []
    for one in told[:KEYS_MAX]:
        if one.get("use", "sig") != "sig" or "kid" not in one:
            continue
        try:
            key = jwt.PyJWK(one)
        except jwt.PyJWTError:
            continue
        is_weak = isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_BITS_MIN
        if key.algorithm_name in ALGORITHMS and not is_weak:
            found.append((str(one["kid"]), key))
    return found
