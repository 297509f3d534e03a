"""Simulate: python -m tests.faults --seed 17, or --seeds 5000 [--from 0]."""

from __future__ import annotations

import argparse
import logging
import sys
import time

from tests.faults.simulation import play
from tests.faults.undisturbed import BrokenPromiseError


def main() -> int:
    """Play the seeds that are asked for; 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="play one seed and tell every step")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (100)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed (0)")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what fails on purpose is told by --seed
    started = time.monotonic()
    try:
        if given.seed is not None:
            play(given.seed, tell=print)
        else:
            for seed in range(given.first, given.first + given.seeds):
                play(seed)
    except BrokenPromiseError as broken:
        print(broken, file=sys.stderr)
        return 1
    print(f"every promise kept in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
