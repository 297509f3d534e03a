"""`workledger keys`: the API keys by which programs and people call the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.access.roles import Role
from infra.cli.console import AsJson, print_json, results, say
from infra.errors import CommandError
from infra.settings import Settings, load_settings

if TYPE_CHECKING:
    from api.access.keys import Keys

app = typer.Typer(help="Keys of the API: create, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What uses the key, such as payroll.")],
    role: Annotated[Role, typer.Option(help="What it may do: see docs/api.md.")],
    days: Annotated[int, typer.Option(help="How long it lives, in days.")] = 90,
    expert: Annotated[str, typer.Option(help="For role expert: whose rows it may see.")] = "",
    person: Annotated[
        str,
        typer.Option(help="Whose key it is, by the sub of their tokens: people decide on money."),
    ] = "",
) -> None:
    """Make a key and show it, this once: only its hash is kept.

    Example: workledger keys create time-tracker --role ingest
    Example: workledger keys create ana-finance --role finance --person ana
    """
    from schemas.message import now_us

    with _keys() as keys:
        made = keys.create(name, role, now_us(), days=days, expert_id=expert, person=person)
    say(f"The key of {name}, for {days} days. It is not shown again:")
    results.print(made, markup=False, highlight=False, soft_wrap=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List every key: whose, for which role, until when.

    Example: workledger keys list
    """
    from schemas.json_form import time_text
    from schemas.message import now_us

    with _keys() as keys:
        known = keys.every()
    now = now_us()
    rows = [
        {
            "name": one.name, "role": one.role, "expert_id": one.expert_id,
            "person": one.person, "state": one.state_at(now),
            "created_at": time_text(one.created_at), "expires_at": time_text(one.expires_at),
        }
        for one in known
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    if not rows:
        results.print("There are no keys yet. Try: workledger keys create NAME --role ingest")
        return
    table = Table("name", "role", "expert", "person", "state", "created", "expires (UTC)", box=None)
    for row in rows:
        table.add_row(
            row["name"], row["role"], row["expert_id"], row["person"], row["state"],
            row["created_at"][:10], row["expires_at"][:16].replace("T", " "),
        )  # fmt: skip
    results.print(table)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name: see keys list.")]) -> None:
    """End a key now.

    Example: workledger keys revoke time-tracker
    """
    from schemas.message import now_us

    with _keys() as keys:
        keys.revoke(name, now_us())
    say(f"The key of {name} opens nothing any more.")


def show_first(settings: Settings) -> None:
    """Where the store never held a key: make one of role admin and show it, this once."""
    from schemas.message import now_us

    with _keys(settings) as keys:
        made = keys.first(now_us())
    if made:
        say(f"The first key of the API, of role admin. It is not shown again:\n  {made}")


def demo_keys(settings: Settings) -> dict[Role, str]:
    """A key for a day of each role that the demo is for; those of an earlier demo end."""
    from schemas.message import now_us

    with _keys(settings) as keys:
        return {
            role: keys.replace(f"demo-{role}", role, now_us(), days=1, person=f"demo-{role}")
            for role in (Role.finance, Role.trust_and_safety, Role.analyst)
        }


@contextmanager
def _keys(settings: Settings | None = None) -> Iterator[Keys]:
    """The keys of the operational store; what is refused is said in a sentence."""
    from api.access.keys import KeyRefusedError, Keys
    from infra.operational import operational_store

    store = operational_store(settings or load_settings())
    try:
        yield Keys(store)
    except KeyRefusedError as refused:
        raise CommandError(str(refused)) from None
    finally:
        store.dispose()
