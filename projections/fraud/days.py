"""What a change of an entry means for the days and weeks that it lies in, and their alerts."""

from collections.abc import Collection, Mapping

from projections.fraud import excessive_hours, overlapping_sessions
from projections.fraud.alerts import Telling, tell
from projections.fraud.detectors import EXCESSIVE_HOURS, OVERLAPPING_SESSIONS
from projections.fraud.findings import date
from projections.fraud.state import ENTRIES_A_DAY_MAX, Day, Entry, Slot, Week, week_of_day
from projections.intervals import Interval, united, within_day, without


def add(day: Day, number: int, entry: Slot, stretch: Interval, event_id: bytes) -> bool:
    """Let an entry have a stretch of a day; answers whether it lies in the day from now on."""
    clipped = within_day([stretch], number)
    if not clipped:
        return False
    slot = day.slots.get(entry.entry_id)
    if slot is None:
        if day.admitted >= ENTRIES_A_DAY_MAX:
            return False
        day.admitted += 1
        slot = day.slots[entry.entry_id] = Slot(
            entry.entry_id, entry.is_billable, entry.is_manual, entry.task_id, entry.session_id,
            [], [*entry.event_ids],
        )  # fmt: skip
    slot.stretches = united([*slot.stretches, *clipped])
    rest_on(slot, event_id)
    return True


def take(day: Day, entry_id: str, stretch: Interval, event_id: bytes) -> None:
    """Take a stretch from an entry, where it has it."""
    slot = day.slots.get(entry_id)
    if slot is not None:
        left = without(slot.stretches, *stretch)
        if left != slot.stretches:
            slot.stretches = left
            rest_on(slot, event_id)


def rest_on(slot: Slot, event_id: bytes) -> None:
    """Have an event among those that the entry rests on."""
    if event_id not in slot.event_ids:
        slot.event_ids.append(event_id)


def judge(
    telling: Telling,
    days: Mapping[int, Day],
    weeks: Mapping[int, Week],
    changed: Collection[int],
    entry_id: str,
) -> None:
    """Tell what changes of the alerts of some days, after an entry has changed in them.

    `days` holds the changed ones with their neighbours.
    """
    for number in changed:
        pair_up(days[number], entry_id)
        judge_overlaps(telling, days[number], number)
        total = excessive_hours.total_of([*days[number].slots.values()])
        days[number].worked_us = total.worked_us
        weeks[week_of_day(number)].totals[number] = total
    for number in sorted({begin for day in changed for begin in (day - 1, day)}):
        judge_window(telling, days[number], days[number + 1], number)
    for number in sorted({week_of_day(day) for day in changed}):
        monday = number * 7 - 3
        finding, alert = (
            excessive_hours.find_week(monday, weeks[number].totals),
            weeks[number].hours,
        )
        if finding or alert.is_open:
            tell(telling, EXCESSIVE_HOURS, f"week of {date(monday)}", alert, finding)


def judge_window(telling: Telling, day: Day, following: Day, number: int) -> None:
    """Tell what changes of the alert about 24 hours that begin on a day."""
    finding = None
    if day.worked_us + following.worked_us > excessive_hours.DAY_MAX_MS * 1000:
        slots = [*day.slots.values()]
        finding = excessive_hours.find_day(slots, [*following.slots.values()])
    if finding or day.hours.is_open:
        tell(telling, EXCESSIVE_HOURS, f"24 hours from {date(number)}", day.hours, finding)


def pair_up(day: Day, entry_id: str) -> None:
    """Hold an entry against all others of its day anew."""
    day.pairs = [pair for pair in day.pairs if entry_id not in (pair.one, pair.other)]
    slot = day.slots.get(entry_id)
    if slot is not None:
        day.pairs += overlapping_sessions.pairs_of(slot, day.slots.values())


def judge_overlaps(telling: Telling, day: Day, number: int) -> None:
    """Tell what changes of the alert about a day's overlaps."""
    finding = overlapping_sessions.find(number, day.pairs, day.slots, day.devices)
    if finding or day.overlaps.is_open:
        tell(telling, OVERLAPPING_SESSIONS, date(number), day.overlaps, finding)


def entry_days(entry: Entry, limit: int, day: int) -> bool:
    """Have a day among those of an entry; answers whether it is, since they are bounded."""
    if day not in entry.days:
        if len(entry.days) >= limit:
            return False
        entry.days.append(day)
    return True
