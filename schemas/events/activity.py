"""The events of workforce.activity, made from schemas/avro/ by `workledger schemas ship`."""

from typing import Literal

from schemas.event import Event


class ActivityObserved(Event, frozen=True, kw_only=True):
    """What went in during a window: counts and intervals, never keys or text. Only after
    `MonitoringDisclosed`.
    """

    session_id: str
    task_id: str | None = None
    window_started_at: int
    window_ms: int
    active_ms: int
    keystrokes: int
    key_interval_mean_ms: float
    key_interval_deviation_ms: float
    pointer_events: int
    typed_chars: int
    pasted_chars: int
    pasted_after_focus_loss_chars: int
    internally_pasted_chars: int
    focus_losses: int
    input_method: Literal["unknown", "keyboard", "dictation", "input_method_editor"]


class BilledEntryForwarded(Event, frozen=True, kw_only=True):
    """A billable time entry, forwarded from workforce.experts for the detectors on activity.
    Derived from `TimeEntryRecorded`.
    """

    entry_id: str
    started_at: int
    ended_at: int
    project_id: str


class DeviceSighted(Event, frozen=True, kw_only=True):
    """The session is seen on a device and a network."""

    session_id: str
    device_token: str
    network_token: str
    network_kind: Literal["unknown", "home", "office", "mobile", "vpn", "hosting"]
    country: str | None = None
    latitude_e3: int | None = None
    longitude_e3: int | None = None
    accuracy_km: int | None = None


class ScreenshotCaptured(Event, frozen=True, kw_only=True):
    """The tracker took a picture of the screen; it is kept elsewhere, and not for ever."""

    session_id: str
    sha256: bytes


class SessionHeartbeat(Event, frozen=True, kw_only=True):
    """The tracker says that it runs."""

    session_id: str
    sequence: int
    monotonic_ms: int


class SubmissionForwarded(Event, frozen=True, kw_only=True):
    """A submission, forwarded for the detectors on activity. Derived from `SubmissionRecorded`."""

    task_id: str
    submission_id: str
    project_id: str
    kind: str
    session_id: str | None = None
    active_ms: int
    answer_chars: int
    typed_chars: int | None = None
    pasted_chars: int | None = None
    pasted_after_focus_loss_chars: int | None = None
    input_method: Literal["unknown", "keyboard", "dictation", "input_method_editor"]
