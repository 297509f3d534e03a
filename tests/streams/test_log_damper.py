"""A client that repeats itself is heard once a while, and everybody else always."""

import logging

from streams.log_damper import SAME_LINE_S, Damper


def told(damper: Damper, name: str, message: str, *arguments: object) -> str:
    record = logging.LogRecord(name, logging.WARNING, "", 0, message, arguments, None)
    return record.getMessage() if damper.filter(record) else ""


def test_the_same_wording_of_a_client_is_shown_once_a_while_with_how_many_were_left_out() -> None:
    now = [0.0]
    damper = Damper(lambda: now[0])
    assert told(damper, "aiokafka.conn", "no answer from %s", "a") == "no answer from a"
    assert [told(damper, "aiokafka.conn", "no answer from %s", host) for host in "bcd"] == [""] * 3
    assert told(damper, "aiokafka.conn", "another line") == "another line"
    now[0] += SAME_LINE_S
    again = told(damper, "aiokafka.conn", "no answer from %s", "e")
    assert again == "no answer from e (and 3 more like it)"


def test_our_own_lines_are_always_shown() -> None:
    damper = Damper(lambda: 0.0)
    assert [told(damper, "streams.rounds", "written") for _ in range(3)] == ["written"] * 3
