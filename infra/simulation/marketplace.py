"""What the simulated marketplace is made of: domains with their rates, clients, zones, terms.

Rates are those of the real marketplace where they are known: a dermatologist up to 250 dollars an
hour, a poet 150. Everything else is chosen to be believable, and docs/simulation.md says how.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from datetime import UTC, datetime
from typing import NamedTuple

START = datetime(2026, 9, 7, tzinfo=UTC)
"""A Monday: the first week of work. Sourcing begins four weeks before."""
DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
SECOND_US = 1_000_000
TOKEN_KEY = b"simulation"
START_US = int(START.timestamp()) * 1_000_000


def wait_us(dice: random.Random, mean_us: int) -> int:
    """How long something takes that happens by itself: exponential, in whole seconds."""
    return int(dice.expovariate(1 / mean_us)) // SECOND_US * SECOND_US


def token(name: str) -> str:
    """What the tracker tells of a device or network: a keyed hash, never an address."""
    return hmac.new(TOKEN_KEY, name.encode(), "sha256").hexdigest()


class Domain(NamedTuple):
    """A kind of expert: what an hour costs, how long a task takes, what it is called."""

    name: str
    rate_minor_per_hour: int
    """The median of what is agreed, in US cents."""
    rate_max_minor_per_hour: int
    task_minutes: int
    """The median time of one task."""
    answer_chars: int
    """The median length of an answer."""
    share: int
    """How many of a hundred experts are of this kind."""
    kinds: tuple[str, ...]
    """What the tasks ask for."""


DOMAINS = (
    Domain("dermatology", 21_000, 25_000, 35, 900, 6, ("image_review", "case_rewrite")),
    Domain("radiology", 19_500, 24_000, 40, 800, 5, ("image_review", "case_rewrite")),
    Domain("investment_banking", 15_000, 20_000, 55, 1_900, 14, ("model_review", "memo_rewrite")),
    Domain("law", 13_500, 19_000, 50, 2_200, 12, ("contract_review", "memo_rewrite")),
    Domain("poetry", 11_000, 15_000, 30, 700, 8, ("verse_review", "verse_rewrite")),
    Domain("comedy", 9_000, 13_000, 25, 600, 8, ("joke_review", "joke_rewrite")),
    Domain("chemistry", 9_500, 14_000, 45, 1_300, 10, ("proof_review", "problem_writing")),
    Domain("statistics", 8_500, 13_000, 45, 1_200, 12, ("proof_review", "problem_writing")),
    Domain("software", 8_000, 12_000, 40, 1_500, 15, ("code_review", "code_rewrite")),
    Domain("translation", 5_500, 9_000, 30, 1_100, 10, ("language_review", "language_rewrite")),
)


class Home(NamedTuple):
    """Where an expert lives."""

    country: str
    zone: str
    share: int


HOMES = (
    Home("US", "America/New_York", 24), Home("US", "America/Chicago", 12),
    Home("US", "America/Los_Angeles", 14), Home("GB", "Europe/London", 12),
    Home("DE", "Europe/Berlin", 8), Home("PT", "Europe/Lisbon", 4),
    Home("IN", "Asia/Kolkata", 12), Home("JP", "Asia/Tokyo", 4),
    Home("BR", "America/Sao_Paulo", 5), Home("AU", "Australia/Sydney", 5),
)  # fmt: skip
CLIENTS = ("Aldine Labs", "Cadence AI", "Tessera Models", "Northlight", "Ostrava Research")
PROJECTS_PER_DOMAIN = 3
CURRENCY = "USD"
REVIEW_WINDOW_MS, WEEKLY_CAP_MS = 72 * 3_600_000, 40 * 3_600_000
WEEK_STARTS_ON, PAY_ZONE = "saturday", "Asia/Kolkata"
"""The pay week of the real marketplace: Saturday to Friday, India time."""
TERMS_VERSION = "2026-09"
NOTICE = (
    "Sessions, activity and devices are recorded while you work, so that judgement stays human."
)
NOTICE_SHA256 = hashlib.sha256(NOTICE.encode()).digest()
CLAUSES = ("intellectual_property", "rate", "exclusivity", "liability")
CHANNELS = ("referral", "job_board", "search", "community", "alumni")


class Project(NamedTuple):
    """A client's project in one domain."""

    project_id: str
    name: str
    client: str
    domain: Domain

    @property
    def terms_sha256(self) -> bytes:
        """The hash of its terms: the clause on intellectual property covers this project alone."""
        terms = f"Intellectual property goes to {self.project_id}, and to no other project."
        return hashlib.sha256(terms.encode()).digest()


def projects() -> list[Project]:
    """Every project of the marketplace."""
    return [
        Project(
            f"{domain.name.replace('_', '-')}-{number + 1}",
            f"{domain.name.replace('_', ' ').capitalize()} {number + 1}",
            CLIENTS[(at + number) % len(CLIENTS)],
            domain,
        )
        for at, domain in enumerate(DOMAINS)
        for number in range(PROJECTS_PER_DOMAIN)
    ]
