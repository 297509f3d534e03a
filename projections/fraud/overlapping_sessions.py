"""Detector `overlapping_sessions`: two time entries of one expert cover the same instants.

A page left open in a second browser tab overlaps too, so a mere overlap is low and scores low. It
escalates where one of the two was no tab: both bill the same time, and one was typed in by hand or
both are for the same task (billed twice); or they were tracked on two devices.

It cannot see: who sat at a device; entries on a session that was never started in the log; an
overlap across midnight UTC of which no side is long enough; which of two honest tabs was worked in;
more entries than a day remembers.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from projections.fraud.findings import (
    BP,
    Finding,
    Severity,
    counted,
    date,
    duration,
    first_of,
)
from projections.fraud.state import Device, Pair, Slot
from projections.intervals import length_us, shared

NAME, VERSION = "overlapping_sessions", 1
MODE: Literal["shadow", "live"] = "live"

OVERLAP_MAX_MS = 60_000
"""Two entries may overlap by so much: clocks differ, and people click late."""
BILLED_TWICE_SHARE_MIN_BP = 8_000
"""Of the shorter entry, so much must be billed by the other too."""
BILLED_TWICE_MIN_MS = 15 * 60_000
"""Less comes of rounding to a quarter of an hour."""
TAB_SCORE_BP = 1_500
BILLED_TWICE_SCORE_BP = 7_000
TWO_DEVICES_SCORE_BP = 8_500
BOTH_SCORE_BP = 9_500


class Kind(NamedTuple):
    """What a pair of overlapping entries is; the greater one is the worse."""

    is_on_two_devices: bool
    is_billed_twice: bool


VERDICTS: dict[Kind, tuple[Severity, int]] = {
    Kind(False, False): ("low", TAB_SCORE_BP),
    Kind(False, True): ("medium", BILLED_TWICE_SCORE_BP),
    Kind(True, False): ("high", TWO_DEVICES_SCORE_BP),
    Kind(True, True): ("critical", BOTH_SCORE_BP),
}


def pairs_of(slot: Slot, others: Iterable[Slot]) -> list[Pair]:
    """The pairs that an entry makes with those others that it overlaps by more than is usual."""
    if not slot.stretches:
        return []
    found: list[Pair] = []
    start, end = slot.stretches[0][0], slot.stretches[-1][1]
    for other in others:
        held = other.stretches
        is_near = held and held[0][0] < end and held[-1][1] > start
        if is_near and other.entry_id != slot.entry_id:
            common = shared(slot.stretches, other.stretches)
            if (overlap_us := length_us(common)) > OVERLAP_MAX_MS * 1000:
                found.append(Pair(slot.entry_id, other.entry_id, common[0][0], overlap_us))
    return found


def kind_of(pair: Pair, slots: Mapping[str, Slot], devices: Mapping[str, Device]) -> Kind:
    """What a pair is, from its entries and from where their sessions were started."""
    one, other = slots[pair.one], slots[pair.other]
    tokens = {d.token for slot in (one, other) if (d := devices.get(slot.session_id))}
    shorter_us = min(length_us(one.stretches), length_us(other.stretches))
    is_most = (
        pair.overlap_us >= BILLED_TWICE_MIN_MS * 1000
        and pair.overlap_us * BP >= shorter_us * BILLED_TWICE_SHARE_MIN_BP
    )
    is_same_task = bool(one.task_id) and one.task_id == other.task_id
    is_no_tab = is_same_task or one.is_manual or other.is_manual
    is_billed_twice = one.is_billable and other.is_billable and is_most and is_no_tab
    return Kind(len(tokens) > 1, is_billed_twice)


def find(
    day: int, pairs: list[Pair], slots: Mapping[str, Slot], devices: Mapping[str, Device]
) -> Finding | None:
    """What the overlapping pairs of a UTC day come to; its worst kind decides and is named."""
    if not pairs:
        return None
    kinds = [kind_of(pair, slots, devices) for pair in pairs]
    worst = max(kinds)
    severity, score_bp = VERDICTS[worst]
    deciding = [pair for pair, kind in zip(pairs, kinds, strict=True) if kind == worst]
    named = [slots[entry_id] for pair in deciding for entry_id in (pair.one, pair.other)]
    evidence = [event_id for slot in named for event_id in slot.event_ids]
    if worst.is_on_two_devices:
        evidence += [device.event_id for slot in named if (device := devices.get(slot.session_id))]
    return Finding(
        severity,
        score_bp,
        _reason(day, pairs, worst, len(deciding)),
        min(pair.started_at for pair in deciding),
        first_of(slot.entry_id for slot in named),
        first_of(evidence),
    )


def _reason(day: int, pairs: list[Pair], worst: Kind, deciding: int) -> str:
    overlap = duration(sum(pair.overlap_us for pair in pairs))
    told = f"Overlaps on {date(day)} (UTC): {counted(len(pairs), 'pair', 'pairs')} of time entries"
    match worst:
        case Kind(True, True):
            what = "billed twice from two devices"
        case Kind(True, False):
            what = "from two devices"
        case Kind(False, True):
            what = "billed twice"
        case _:
            return f"{told}, {overlap} in all, as of browser tabs."
    return f"{told}, {overlap} in all; {what}: {counted(deciding, 'pair', 'pairs')}."
