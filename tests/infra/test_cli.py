"""The command line: help with an example, exit codes, results alone on standard output."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command

from infra.cli.main import app
from infra.stack import Stack
from projections.registry import PROJECTIONS


def workledger(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=None if not environment else {"PATH": "", **environment},
        timeout=60,
    )


def commands() -> dict[str, str]:
    """Each command with its help."""
    found: dict[str, str] = {}
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for sub, one in getattr(command, "commands", {name: command}).items():
            found[name if sub == name else f"{name} {sub}"] = one.help or ""
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_with_an_example(name: str) -> None:
    assert f"Example: workledger {name}" in commands()[name]


def test_the_commands_that_people_were_promised_are_there() -> None:
    promised = {"up", "down", "status", "import", "worker", "query", "verify", "demo"}
    promised |= {"trace", "deadletters list", "deadletters show", "deadletters replay"}
    assert promised <= set(commands())


def test_the_help_of_query_names_every_table_and_view() -> None:
    named = commands()["query"]
    readable = [one.name for p in PROJECTIONS.values() for one in (*p.tables, *p.views)]
    assert [name for name in readable if name not in named] == []


def test_help_is_an_answer_and_exits_with_0() -> None:
    answer = workledger("verify", "--help")
    assert answer.returncode == 0
    assert "Prove the numbers" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["worker", "nonsense"],
            f"There is no projection nonsense; there are {', '.join(PROJECTIONS)}.",
        ),
        (["import", "none.csv", "--mapping", "none.toml"], "There is no mapping none.toml."),
        (["deadletters", "show", "nowhere"], "nowhere is no address"),
        (["fly"], "No such command"),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_what_is_wrong(arguments: list[str], words: str) -> None:
    answer = workledger(*arguments)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert answer.stdout == ""


def test_a_stack_that_is_down_is_said_with_the_way_out() -> None:
    answer = workledger("query", "SELECT 1", WORKLEDGER_CLICKHOUSE_PORT="1")
    assert answer.returncode == 1
    assert "Try: workledger up" in answer.stderr


@pytest.mark.stack
def test_a_question_without_an_answer_says_so_beside_it(stack: Stack) -> None:
    port = {"WORKLEDGER_CLICKHOUSE_PORT": str(stack.settings.clickhouse_port)}
    answer = workledger("query", "SELECT 1 WHERE 0", **port)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "No rows.\n")
    assert workledger("query", "SELECT 1", **port).stderr == ""
