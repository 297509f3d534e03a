"""Thousands of interleavings keep every promise, and each broken build is caught."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import pytest

from streams.admission import admit
from tests.faults.broken_builds import BROKEN
from tests.faults.history import AdmittedOnce
from tests.faults.simulation import REAL, SCENES, Build, Scene, play
from tests.faults.undisturbed import BrokenPromiseError

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2000"))
SEEDS_A_TASK = 25
CAUGHT_WITHIN_SEEDS = 100


def broken_promise(first: int, count: int, build: Build = REAL) -> str:
    """The first broken promise of some seeds in words; empty where all are kept."""
    logging.disable(logging.CRITICAL)  # what fails on purpose is not worth a line each
    try:
        for seed in range(first, first + count):
            play(seed, build)
    except BrokenPromiseError as broken:
        return str(broken)
    finally:
        logging.disable(logging.NOTSET)
    return ""


@pytest.mark.timeout(600)
def test_every_promise_is_kept_whatever_the_seed_does() -> None:
    # A fresh interpreter a process: to fork one in which polars has run hangs.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        firsts = range(0, SEEDS, SEEDS_A_TASK)
        broken = [told for told in pool.map(broken_promise, firsts, repeat(SEEDS_A_TASK)) if told]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("build", BROKEN, ids=lambda build: build.name)
def test_a_broken_build_is_caught_within_a_hundred_seeds(build: Build) -> None:
    assert "again: python -m tests.faults --seed" in broken_promise(0, CAUGHT_WITHIN_SEEDS, build)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.projection.name)
def test_what_a_log_admits_at_once_is_what_each_fetch_admits(scene: Scene) -> None:
    dice = random.Random(3)
    log = scene.make_log(dice)
    at_once = AdmittedOnce(log)
    for _ in range(20):
        places = dice.sample(log.places, dice.randint(1, len(log.places)))
        starts = [dice.randrange(log.ends[place[1]]) for place in places]
        fetches = [log.fetch(*at, dice.randint(1, 6)) for at in zip(places, starts, strict=True)]
        told, expected = at_once(fetches), admit(fetches)
        assert told.refusals == expected.refusals
        assert told.places.equals(expected.places)
        both = [sorted(a.groups, key=lambda group: group.positions) for a in (told, expected)]
        for mine, theirs in zip(*both, strict=True):
            assert (mine.event_type, mine.positions) == (theirs.event_type, theirs.positions)
            assert mine.frame.equals(theirs.frame)


def test_the_same_seed_does_the_same_thing() -> None:
    told: tuple[list[str], list[str]] = ([], [])
    for lines in told:
        play(7, tell=lines.append)
    assert told[0] == told[1]
    assert told[0]
