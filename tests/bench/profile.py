"""Where a worker's own processor time goes, without Kafka and ClickHouse.

    python -m tests.bench.profile payout [--events 200000] [--batch 20000] [--lines 25]

It takes the benchmark's events through the three steps that a round spends in Python: what the
records are, what must be looked up, and the fold; everything that is looked up is in memory.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from typing import Any

from projections.batch import Batch
from projections.projection import Projection
from projections.store.store import Known, Place, Progress, nothing_known
from schemas.partitioning import partition_of
from streams.admission import admit
from streams.batch import Fetch
from streams.collector import freeze_after_start
from streams.parts import PartCache
from streams.ready import candidates_of, fold_round
from streams.rounds import PARTS_MAX
from tests.bench.folds import FOLDS
from tests.bench.history import history

APPENDED_MS = 1_900_000_000_000


def rounds_of(topic: str, events: int, batch: int) -> list[list[Fetch]]:
    """The history as rounds of fetches, offsets and all."""
    ends: dict[int, int] = defaultdict(int)
    told = history(events)
    rounds: list[list[Fetch]] = []
    while records := list(islice(told, batch)):
        fetches: dict[int, Fetch] = {}
        for record in records:
            number = partition_of(record.key)
            at = ends[number]
            fetch = fetches.setdefault(number, Fetch(topic, number, at, at))
            fetch.values.append(record.value)
            fetch.keys.append(record.key)
            fetch.offsets.append(at)
            fetch.timestamps.append(APPENDED_MS)
            fetch.end = ends[number] = at + 1
        rounds.append(list(fetches.values()))
    return rounds


def run(fold: Projection, rounds: list[list[Fetch]]) -> dict[str, float]:
    """Seconds by step."""
    parts = PartCache(fold, PARTS_MAX)
    places = [(fold.topics[0], number) for number in range(12)]
    positions: dict[Place, Progress] = {place: Progress() for place in places}
    known = Known(nothing_known(), nothing_known())
    seconds: dict[str, float] = defaultdict(float)

    def step(name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        began = time.process_time()
        answer = call(*arguments)
        seconds[name] += time.process_time() - began
        return answer

    for fetches in rounds:
        admitted = step("admit", admit, fetches)
        candidates = step("candidates", candidates_of, fold, admitted)
        step("parts", parts.add, parts.missing(candidates.part_keys), {})
        batch = Batch(admitted.groups, admitted.places)
        step("parts", parts.add, parts.missing(fold.named_keys(batch, parts.parts)), {})
        ready = step(
            "fold", fold_round, fold, parts.parts, fetches, admitted, candidates, known, positions
        )
        step("parts", parts.shrink)
        positions.update(ready.progress)
    return seconds


def main() -> None:
    """Print the steps, and the functions that cost most."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profile", description=__doc__)
    parser.add_argument("fold", choices=tuple(FOLDS))
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=20_000, help="events a round")
    parser.add_argument("--lines", type=int, default=25, help="functions shown")
    given = parser.parse_args()
    fold = FOLDS[given.fold]
    rounds = rounds_of(fold.topics[0], given.events, given.batch)
    freeze_after_start()
    seconds = run(fold, rounds)
    whole = sum(seconds.values())
    for name, spent in seconds.items():
        print(f"{name:12} {spent / given.events * 1e6:6.2f} µs an event {spent / whole:5.0%}")
    print(f"{'together':12} {whole / given.events * 1e6:6.2f} µs an event")
    profile = cProfile.Profile()
    profile.runcall(run, fold, rounds)
    pstats.Stats(profile).sort_stats("tottime").print_stats(given.lines)


if __name__ == "__main__":
    main()
