"""How a part of the stack is, in a form for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infra.stack import processes
from infra.stack.part import Part

State = Literal["up", "down", "not answering"]


@dataclass(frozen=True)
class PartStatus:
    """One part: `up` answers, `not answering` runs (or is external) but does not, `down` is not."""

    name: str
    state: State
    address: str
    external: bool
    pid: int | None
    uptime_s: float | None
    log: str | None

    @property
    def is_healthy(self) -> bool:
        return self.state == "up"


def status_of(part: Part) -> PartStatus:
    """How `part` is now. Blocks for at most about a second."""
    if part.is_external:
        state: State = "up" if part.answers() else "not answering"
        return PartStatus(part.name, state, part.address, True, None, None, None)
    process = processes.running(part.pid_path)
    if process is None:
        return PartStatus(part.name, "down", part.address, False, None, None, str(part.log_path))
    healthy = process.address == part.address and part.answers()
    return PartStatus(
        name=part.name,
        state="up" if healthy else "not answering",
        address=process.address,
        external=False,
        pid=process.pid,
        uptime_s=process.uptime_s(),
        log=str(part.log_path),
    )
