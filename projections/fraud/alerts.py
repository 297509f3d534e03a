"""How findings become changes of alerts: raised, updated, withdrawn; told once, and forwarded."""

from typing import Any, NamedTuple

import msgspec

from projections.emit import Emit
from projections.fraud.detectors import Detector
from projections.fraud.findings import Finding
from projections.fraud.rows import AlertChange
from projections.fraud.state import Alert
from schemas.events import FraudAlertRaised, FraudAlertUpdated, FraudAlertWithdrawn
from schemas.identity import derived_id, uuid_text


class Telling(NamedTuple):
    """The event that is folded: whom it is about, and where its rows and events go."""

    emit: Emit
    expert_id: str
    occurred_at: int
    appended_at: int
    cause: str
    """What happened, in words that say why an alert is withdrawn."""


def tell(
    telling: Telling, detector: Detector, about: str, alert: Alert, finding: Finding | None
) -> None:
    """Raise, update or withdraw the alert about a matter, if its finding is another one now."""
    if finding is None:
        if alert.is_open:
            alert.is_open, alert.digest = False, b""
            _withdraw(telling, detector, about)
        return
    digest = derived_id(msgspec.msgpack.encode(finding))
    if alert.is_open and alert.digest == digest:
        return
    change = "updated" if alert.is_open else "raised"
    alert.is_open, alert.digest = True, digest
    alert_id = alert_id_of(telling.expert_id, detector, about)
    told: dict[str, Any] = {
        "alert_id": uuid_text(alert_id),
        "severity": finding.severity,
        "score_bp": finding.score_bp,
        "reason": finding.reason,
        "entry_ids": finding.entry_ids,
        "evidence_event_ids": finding.evidence_event_ids,
    }
    if change == "updated":
        event = FraudAlertUpdated(**told)
    else:
        version = str(detector.version)
        event = FraudAlertRaised(
            detector=detector.name, detector_version=version, mode=detector.mode, **told
        )
    telling.emit.forward(event, telling.expert_id, part=alert_id)
    _row(telling, detector, about, change, finding)


def alert_id_of(expert_id: str, detector: Detector, about: str) -> bytes:
    """The alert of an expert and a detector about a matter: always the same one, so it grows."""
    return derived_id(f"alert {detector.name} {expert_id} {about}".encode())


def _withdraw(telling: Telling, detector: Detector, about: str) -> None:
    reason = f"{telling.cause}: what the alert rested on holds no longer."
    alert_id = alert_id_of(telling.expert_id, detector, about)
    event = FraudAlertWithdrawn(alert_id=uuid_text(alert_id), reason=reason)
    telling.emit.forward(event, telling.expert_id, part=alert_id)
    _row(telling, detector, about, "withdrawn", reason)


def _row(
    telling: Telling, detector: Detector, about: str, change: str, said: Finding | str
) -> None:
    alert_id = alert_id_of(telling.expert_id, detector, about)
    if isinstance(said, str):
        severity, score_bp, reason, happened_at = "", 0, said, telling.occurred_at
        entries, evidence = list[str](), list[str]()
    else:
        severity, score_bp, reason, happened_at = said[:4]
        entries, evidence = said.entry_ids, [uuid_text(one) for one in said.evidence_event_ids]
    telling.emit(
        AlertChange(
            alert_id, telling.expert_id, detector.name, str(detector.version), detector.mode,
            about, change, severity, score_bp, reason, happened_at, telling.appended_at, entries,
            evidence,
        )
    )  # fmt: skip
