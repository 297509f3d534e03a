"""How a worker reads and batches, apart from the worker: commands need not load Faust to say it."""

from dataclasses import dataclass

from projections.store.client import Address

SHARE_MAX_BP = 2_000
"""Of the last `WINDOW_EVENTS` events at most this share (basis points) may be dead letters."""


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker reads and batches; nothing here decides what comes out."""

    bootstrap_servers: str
    clickhouse: Address
    batch_time_ms: int = 50
    """How long a round waits for more events of other partitions."""
    batch_events_max: int = 100_000
    fetch_bytes_max: int = 512 << 10
    session_timeout_s: float = 10.0
    """After this long without a heartbeat a killed worker's partitions go to another."""
    heartbeat_s: float = 3.0
    dead_letter_share_max_bp: int = SHARE_MAX_BP
    """More dead letters than this among the latest events stop the worker (basis points)."""
    data_dir: str = "."
