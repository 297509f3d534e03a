"""The command line: `workledger COMMAND`. Each command lives in a module of its own."""

from __future__ import annotations

import sys

import typer

from infra.cli import (
    api,
    deadletters,
    demo,
    detectors,
    importing,
    keys,
    payouts,
    proof,
    query,
    rebuild,
    schemas,
    simulate,
    stack,
    trace,
    worker,
)
from infra.cli.console import say
from infra.errors import CommandError, UsageError
from schemas.log_address import AddressError

EXIT_INTERRUPTED = 130

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
    simulate.simulate,
    worker.worker,
    api.api,
    query.query,
    proof.verify,
    rebuild.rebuild,
    trace.trace,
)
for command in COMMANDS:
    app.command()(command)
app.command("import")(importing.import_file)
app.add_typer(deadletters.app, name="deadletters")
app.add_typer(detectors.app, name="detectors")
app.add_typer(keys.app, name="keys")
app.add_typer(payouts.app, name="payouts")
app.add_typer(schemas.app, name="schemas")


def main() -> None:
    """Run the command that the arguments name; exits with 0, 1 or 2 (130 after Ctrl-C)."""
    try:
        app()
    except KeyboardInterrupt:
        say("Interrupted.")
        sys.exit(EXIT_INTERRUPTED)
    except CommandError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except AddressError as error:
        say(str(error))
        sys.exit(UsageError.exit_code)
    except Exception as error:
        # These are imported late: --help need not wait for Kafka's client.
        from clickhouse_connect.driver.exceptions import ClickHouseError
        from kafka.errors import KafkaError

        from streams.publish_error import PublishError

        if not isinstance(error, (ClickHouseError, KafkaError, PublishError)):
            raise
        say(f"{error}. Is the stack up? Try: workledger status")
        sys.exit(1)


if __name__ == "__main__":
    main()
