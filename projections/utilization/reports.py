"""Hours reported without clock times, and what experts say that they mean to work."""

from projections.emit import Emit
from projections.utilization.rows import DeclaredAvailability, ReportedHours
from projections.utilization.state import utilization


@utilization.on("HoursReported")
def hours_reported(
    emit: Emit,
    subject_id: str,
    report_id: str,
    project_id: str,
    period_start: int,
    period_end: int,
    duration_ms: int,
    billable: bool,
) -> None:
    """The hours count by their period: at which quarter-hours they were worked nobody knows."""
    emit(
        ReportedHours(
            subject_id, project_id, report_id, billable, period_start, period_end, duration_ms
        )
    )


@utilization.on("AvailabilityDeclared")
def availability_declared(
    emit: Emit, subject_id: str, project_id: str | None, ms_per_week: int, effective_from: int
) -> None:
    """From then on so much time is available, until the next declaration for the same."""
    emit(DeclaredAvailability(subject_id, project_id or "", ms_per_week, effective_from))
