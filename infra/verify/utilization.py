"""The hours that analysts read, held against plain SQL over the archive."""

from infra.verify.recomputed import SHOWN_MAX, Rows, sql_of


def hours(rows: Rows) -> tuple[str, list[str]]:
    """How much was looked at, and where tracked or billable time differs by quarter-hour.

    By project, and overlap-free, which belongs to none.
    """
    sql = sql_of(rows, "utilization", "utilization")
    [(count, differing)] = rows(
        f"{sql} SELECT countIf(want_tracked_ms != 0), arraySort(groupArrayIf({SHOWN_MAX})((expert, "
        "project, toDateTime(quarter * 900, 'UTC'), (want_tracked_ms, want_billable_ms), "
        "(have_tracked_ms, have_billable_ms)), want_tracked_ms != have_tracked_ms "
        "OR want_billable_ms != have_billable_ms)) FROM compared"
    )
    return f"{count:,} quarter-hours computed from the archive", [
        f"{expert}, {project or 'overlap-free'}, {at:%Y-%m-%d %H:%M}: expected {want} ms tracked "
        f"and billable, found {have}"
        for expert, project, at, want, have in differing
    ]
