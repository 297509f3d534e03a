"""`workledger deadletters list` and `show`: what could not be taken, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.console import AsJson, print_json, results, say
from infra.cli.replay import LISTED_MAX, Limit, replay
from infra.errors import CommandError
from infra.settings import load_settings
from schemas.log_address import LogAddress, parse_address

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

app = typer.Typer(no_args_is_help=True, help="What on Kafka is no event, and why.")


@app.command("list")
def list_letters(limit: Limit = LISTED_MAX, as_json: AsJson = False) -> None:
    """List dead letters, grouped by cause, with the oldest's age, then one by one.

    The column "now" says whether a letter's event has been applied since.

    Example: workledger deadletters list
    """
    from infra.connections import inspecting

    with inspecting(load_settings()) as client:
        groups = _rows(
            client,
            "SELECT cause, count() AS letters, min(at) AS oldest FROM (SELECT cause, "
            "any(appended_at) AS at FROM dead_letters GROUP BY topic, partition, offset, cause) "
            "GROUP BY cause ORDER BY letters DESC",
        )
        letters = _rows(
            client,
            "SELECT topic, partition, offset, any(cause) AS cause, any(reason) AS reason, "
            "groupArray(projection) AS projections FROM dead_letters GROUP BY topic, partition, "
            "offset ORDER BY topic, partition, offset LIMIT {limit:UInt32}",
            {"limit": limit},
        )
        replayed = _replayed(client, limit)
    for letter in letters:
        at = LogAddress(letter["topic"], letter["partition"], letter["offset"])
        letter["now"] = "replayed" if at in replayed else "waiting"
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
    table = Table("address", "cause", "now", "reason", box=None, header_style="bold")
    for letter in letters:
        address = f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
        table.add_row(address, letter["cause"], letter["now"], escape(letter["reason"]))
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
    at = parse_address(address)
    from infra.connections import inspecting

    with inspecting(load_settings()) as client:
        found = _rows(
            client,
            "SELECT projection, topic, partition, offset, cause, reason, appended_at, "
            "hex(event_key) AS key_hex, hex(value) AS value_hex FROM dead_letters WHERE topic = "
            "{topic:String} AND partition = {partition:UInt16} AND offset = {offset:Int64} LIMIT 1",
            at._asdict(),
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


app.command()(replay)


def _replayed(client: Client, limit: int) -> set[LogAddress]:
    """Of the first letters, those whose events have been applied since."""
    from infra.deadletters.judgement import Verdict, judge
    from infra.deadletters.letters import Chosen, read_letters
    from schemas.message import now_us

    found: set[LogAddress] = set()
    seen = 0
    for letters in read_letters(client, Chosen()):
        for one in judge(client, letters, now_us()):
            if one.verdict is Verdict.applied_already:
                found.add(LogAddress(*one.letter[:3]))
        seen += len(letters)
        if seen >= limit:
            break
    return found


def _rows(
    client: Client, sql: str, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    answer: Any = client.query(sql, parameters=parameters)
    return list(answer.named_results())


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
