"""Errors that a command reports as one sentence for people instead of a traceback."""

from __future__ import annotations

from typing import ClassVar


class CommandError(Exception):
    """Something is wrong that a person can mend; the message says what and how.

    A command that ends with it exits with `exit_code`: 1, it ran and found something wrong; 2, it
    was called wrongly.
    """

    exit_code: ClassVar[int] = 1


class UsageError(CommandError):
    """A command was called wrongly."""

    exit_code: ClassVar[int] = 2
