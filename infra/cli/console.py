"""Where commands write: results on standard output, messages for people on standard error."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

results = Console(soft_wrap=True)
messages = Console(stderr=True, soft_wrap=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def say(message: str) -> None:
    """Write a message for people, as it is, to standard error."""
    messages.print(message, markup=False)


def print_json(result: Any) -> None:
    """Write a result for programs to standard output: one JSON document, indented."""
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
