"""What the tracker tells of a session: sightings, windows of activity, heartbeats."""

from __future__ import annotations

from infra.simulation.life import Life
from infra.simulation.marketplace import HOUR_US, MINUTE_US, token
from schemas.events import ActivityObserved, DeviceSighted, SessionHeartbeat

WINDOW_US = 10 * MINUTE_US
CLOCK_SET_BACK_US = HOUR_US
TRAVELS = 0.1
"""Sessions of a traveller that are seen far away."""
FAR_AWAY = {"country": "SG", "latitude_e3": 1_352, "longitude_e3": 103_820, "accuracy_km": 20}
NEAR = {"latitude_e3": 40_713, "longitude_e3": -74_006, "accuracy_km": 20}
TRACKER = "system:tracker"


class Tracker:
    """The program that runs beside an expert's work."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def sight(self, session: str, at: int) -> None:
        """The device and network with which a session begins."""
        person, habits = self._life.person, self._life.habits
        sighted = DeviceSighted(
            session_id=session, device_token=habits.device_token,
            network_token=habits.network_token, network_kind="home",
            country=person.home.country, **NEAR,
        )  # fmt: skip
        self._life.diary.tell(person.expert_id, at, sighted, actor=TRACKER)

    def watch(self, session: str, began: int, ended: int) -> None:
        """Windows and heartbeats of a session, whole ones; who travels may be seen elsewhere."""
        habits, dice = self._life.habits, self._life.dice
        windows = (ended - began) // WINDOW_US
        set_back_from = windows // 2 if dice.random() < habits.sets_clock_back else windows
        sleeps_from = windows // 2 if dice.random() < habits.laptop_sleeps else windows
        for number in range(windows):
            ends = began + (number + 1) * WINDOW_US
            self._window(session, ends)
            slept_us = WINDOW_US if number >= sleeps_from else 0
            self._beat(
                session, number, ends, int((ends - began - slept_us) * habits.clock_rate),
                CLOCK_SET_BACK_US if number >= set_back_from else 0,
            )  # fmt: skip
        if habits.travels and dice.random() < TRAVELS:
            self._sight_far_away(session, ended - MINUTE_US)

    def _window(self, session: str, ends: int) -> None:
        habits, dice = self._life.habits, self._life.dice
        active = 0.0 if dice.random() < habits.idle else dice.uniform(0.5, 0.95)
        is_typed = habits.input_method != "dictation"
        keys = int(active * dice.gauss(900, 150)) if is_typed else int(active * 60)
        mean_ms = 180.0 + 40.0 * habits.pace
        observed = ActivityObserved(
            session_id=session, window_started_at=ends - WINDOW_US, window_ms=WINDOW_US // 1000,
            active_ms=int(active * WINDOW_US) // 1000, keystrokes=max(0, keys),
            key_interval_mean_ms=mean_ms, key_interval_deviation_ms=mean_ms * habits.key_deviation,
            pointer_events=int(active * 400), typed_chars=max(0, int(keys * 0.8)), pasted_chars=0,
            pasted_after_focus_loss_chars=0, internally_pasted_chars=0,
            focus_losses=dice.randrange(3), input_method=habits.input_method,
        )  # fmt: skip
        self._life.diary.tell(self._life.person.expert_id, ends, observed, actor=TRACKER)

    def _beat(
        self, session: str, number: int, at: int, monotonic_us: int, set_back_us: int
    ) -> None:
        """A heartbeat by the device's own clock, which may have been moved."""
        beat = SessionHeartbeat(
            session_id=session, sequence=number, monotonic_ms=monotonic_us // 1000
        )
        self._life.diary.tell(
            self._life.person.expert_id, at - set_back_us, beat, actor=TRACKER, late_us=set_back_us
        )

    def _sight_far_away(self, session: str, at: int) -> None:
        who = self._life.person.expert_id
        away = DeviceSighted(
            session_id=session, device_token=token(f"{who} abroad"),
            network_token=token(f"{who} network abroad"), network_kind="home", **FAR_AWAY,
        )  # fmt: skip
        self._life.diary.tell(who, at, away, actor=TRACKER)
