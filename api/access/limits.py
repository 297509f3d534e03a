"""How often a caller may ask, and how often an address may come with what opens nothing."""

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

REQUESTS_PER_S, REQUESTS_BURST = 200.0, 400
FAILURES_PER_S, FAILURES_BURST = 1.0, 60
"""Of an address, whoever comes from there."""
BUCKETS_MAX = 10_000
"""Callers or addresses that are remembered; beyond, the one that asked longest ago is forgotten."""
IPV6_PREFIX = 64
"""One customer of a provider has so many addresses that they count as one."""


class Allowance(NamedTuple):
    """What a bucket says to one request."""

    wait_s: float
    """Seconds until a request is granted; 0 where this one is."""
    remaining: int
    """Requests that would be granted at once."""
    full_s: float
    """Seconds until as many as ever are granted at once."""


class Buckets:
    """A token bucket for each name: `burst` at once, and one more every 1 / `per_s` seconds.

    Kept as the one instant at which a bucket is full again (GCRA, ITU-T I.371); a bucket that is
    full need not be remembered. Used by many threads at once; memory is bounded.
    """

    def __init__(
        self, per_s: float, burst: int, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_s, self.burst, self._clock_s = per_s, burst, clock_s
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> Allowance:
        """Take a token; where there is none, nothing is taken."""
        with self._lock:
            now_s = self._clock_s()
            full_at = max(self._full_at.get(name, now_s), now_s)
            free = self.burst - (full_at - now_s) * self.per_s
            # A hair's breadth for floating point: a token that is due is there.
            if free < 1 - 1e-9:
                return Allowance((1 - free) / self.per_s, 0, full_at - now_s)
            full_at += 1 / self.per_s
            self._remember(name, full_at)
            return Allowance(0.0, math.floor(free - 1 + 1e-9), full_at - now_s)

    def _remember(self, name: str, full_at: float) -> None:
        self._full_at[name] = full_at
        self._full_at.move_to_end(name)
        if len(self._full_at) > BUCKETS_MAX:
            self._full_at.popitem(last=False)

    def headers(self, policy: str, allowance: Allowance) -> dict[str, str]:
        """What an answer says of it (draft-ietf-httpapi-ratelimit-headers-10)."""
        window_s = math.ceil(self.burst / self.per_s)
        told = {
            "RateLimit-Policy": f'"{policy}";q={self.burst};w={window_s}',
            "RateLimit": f'"{policy}";r={allowance.remaining};t={math.ceil(allowance.full_s)}',
        }
        if allowance.wait_s:
            told["Retry-After"] = str(math.ceil(allowance.wait_s))
        return told


class Limits(NamedTuple):
    """The limits of one process of the API."""

    requests: Buckets
    """By the caller's identity."""
    failures: Buckets
    """By the address, of requests without a good key or token."""


def limits(per_s: float = REQUESTS_PER_S, burst: int = REQUESTS_BURST) -> Limits:
    """Limits of so many requests of a caller."""
    return Limits(Buckets(per_s, burst), Buckets(FAILURES_PER_S, FAILURES_BURST))


def counted_as(host: str) -> str:
    """The name under which an address is counted: itself, or its network where it is IPv6."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False))
