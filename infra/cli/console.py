"""Where commands write: results on standard output, messages for people on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

results = Console(soft_wrap=True)
messages = Console(stderr=True, soft_wrap=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def say(message: str) -> None:
    """Write a message for people, as it is, to standard error."""
    messages.print(message, markup=False)


def print_json(result: Any) -> None:
    """Write a result for programs to standard output: one JSON document, indented."""
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


class RateColumn(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """The rate as text; nothing while there is none."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar on a terminal, nothing elsewhere.

    The function it gives says how far work has come, and optionally how far it has to go.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(
        *columns,
        RateColumn(),
        TimeRemainingColumn(),
        console=messages,
        disable=not messages.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=total)

        def advance(completed: int, of: int = total) -> None:
            bar.update(task, completed=completed, total=of)

        yield advance
