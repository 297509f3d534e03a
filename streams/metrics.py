"""Every metric of a worker, its name, labels and meaning: the one place where they are documented.

docs/metrics.md is written from here, and a test compares the two.
"""

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter(
    "workledger_events",
    "Events that a projection dealt with, by verdict: applied, duplicate, conflict, dead_letter.",
    ["projection", "verdict"],
)
ROUNDS = Counter(
    "workledger_rounds", "Rounds written: a round is one write per table.", ["projection"]
)
ROUND_EVENTS = Histogram(
    "workledger_round_events",
    "Events in a round.",
    ["projection"],
    buckets=(1, 10, 100, 1_000, 10_000, 30_000, 100_000, 300_000),
)
STEP_SECONDS = Histogram(
    "workledger_step_seconds",
    "Seconds that a step of a round took: decode, look_up, fold, write_rows, write_state.",
    ["projection", "step"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
OFFSET = Gauge(
    "workledger_offset",
    "The last offset that a projection includes.",
    ["projection", "topic", "partition"],
)
EVENT_AGE_SECONDS = Gauge(
    "workledger_event_age_seconds",
    "Seconds between the broker's taking of the last event of a round and its being durable.",
    ["projection"],
)
DERIVED = Counter(
    "workledger_derived_events",
    "Events that a projection brought about and sent to Kafka.",
    ["projection"],
)
RETRIES = Counter(
    "workledger_retries",
    "Attempts of the store that failed and were made again, by step.",
    ["projection", "step"],
)
PARTS_CACHED = Gauge("workledger_parts_cached", "State parts held in memory.", ["projection"])
READY = Gauge(
    "workledger_ready", "1 while the store answers, 0 while a step is tried again.", ["projection"]
)
