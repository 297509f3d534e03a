"""`workledger deadletters list` and `show`: what could not be taken, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli.console import AsJson, print_json, results, say
from infra.errors import CommandError, UsageError
from infra.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="What on Kafka is no event, and why.")
LISTED_MAX = 50


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Letters shown.")] = LISTED_MAX,
    as_json: AsJson = False,
) -> None:
    """List dead letters, grouped by cause, with the oldest's age, then one by one.

    Example: workledger deadletters list
    """
    groups = _rows(
        "SELECT cause, count() AS letters, min(at) AS oldest FROM (SELECT cause, "
        "any(appended_at) AS at FROM dead_letters GROUP BY topic, partition, offset, cause) "
        "GROUP BY cause ORDER BY letters DESC"
    )
    letters = _rows(
        "SELECT topic, partition, offset, any(cause) AS cause, any(reason) AS reason, "
        "groupArray(projection) AS projections FROM dead_letters "
        f"GROUP BY topic, partition, offset ORDER BY topic, partition, offset LIMIT {limit}"
    )
    if as_json:
        print_json({"causes": [_plain(g) for g in groups], "letters": letters})
        return
    if not letters:
        results.print("No dead letters: every record on Kafka is an event.")
        return
    causes = Table("cause", "letters", "oldest", box=None, header_style="bold")
    for group in groups:
        causes.add_row(group["cause"], f"{group['letters']:,}", _age(group["oldest"]))
    results.print(causes)
    table = Table("address", "cause", "reason", box=None, header_style="bold")
    for letter in letters:
        address = f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
        table.add_row(address, letter["cause"], letter["reason"])
    results.print(table)
    hidden = sum(group["letters"] for group in groups) - len(letters)
    if hidden > 0:
        say(f"{hidden:,} more; see --limit")


@app.command()
def show(
    address: Annotated[str, typer.Argument(help="topic/partition/offset, as `list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter whole: reason, key and bytes.

    Example: workledger deadletters show workforce.experts/3/1042
    """
    topic, _, place = address.partition("/")
    partition, _, offset = place.partition("/")
    if not (partition.isdigit() and offset.isdigit()):
        raise UsageError(f"{address} is no address; it is written topic/partition/offset.")
    found = _rows(
        "SELECT projection, topic, partition, offset, cause, reason, appended_at, "
        "hex(event_key) AS key_hex, hex(value) AS value_hex FROM dead_letters WHERE topic = "
        f"{{topic:String}} AND partition = {int(partition)} AND offset = {int(offset)} LIMIT 1",
        {"topic": topic},
    )
    if not found:
        raise CommandError(f"There is no dead letter at {address}.")
    if as_json:
        print_json(_plain(found[0]))
        return
    letter = found[0]
    for name in ("cause", "reason", "appended_at"):
        results.print(f"{name:12} {letter[name]}", markup=False)
    results.print(f"{'key':12} {bytes.fromhex(letter['key_hex'])!r}", markup=False)
    results.print(f"{'bytes':12} {len(letter['value_hex']) // 2}", markup=False)
    for line in _hexdump(bytes.fromhex(letter["value_hex"])):
        results.print(line, markup=False)


def _rows(sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    from infra.connections import client, reader_address

    connection = client(reader_address(load_settings()))
    try:
        answer: Any = connection.query(sql, parameters=parameters)
        return list(answer.named_results())
    finally:
        connection.close()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}


def _age(then: datetime) -> str:
    seconds = (datetime.now(UTC).replace(tzinfo=None) - then.replace(tzinfo=None)).total_seconds()
    hours, minutes = int(seconds // 3600), int(seconds % 3600 // 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {int(seconds % 60):02} s"


def _hexdump(value: bytes) -> list[str]:
    lines: list[str] = []
    for at in range(0, len(value), 16):
        part = value[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"  {at:06x}  {part.hex(' '):47}  {text}")
    return lines
