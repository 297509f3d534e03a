"""The command line: `workledger COMMAND`. Each command lives in a module of its own."""

from __future__ import annotations

import sys

import typer

from infra.cli import deadletters, demo, importing, proof, query, stack, worker
from infra.cli.console import say
from infra.errors import CommandError

app = typer.Typer(
    help="The ledger of a workforce of experts: events on Kafka, payouts in ClickHouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    stack.up,
    stack.down,
    stack.status,
    demo.demo,
    worker.worker,
    query.query,
    proof.verify,
)
for command in COMMANDS:
    app.command()(command)
app.command("import")(importing.import_file)
app.add_typer(deadletters.app, name="deadletters")


def main() -> None:
    """Run the command that the arguments name; exits with 0, 1 or 2 (130 after Ctrl-C)."""
    try:
        app()
    except CommandError as error:
        say(str(error))
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
