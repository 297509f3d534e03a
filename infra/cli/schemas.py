"""`workledger schemas list`, `show`, `check` and `ship`: the language that everything speaks."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from infra.cli.console import AsJson, print_json, results, say
from infra.errors import CommandError, UsageError

if TYPE_CHECKING:
    from schemas.catalogue import Catalogue, EventType

app = typer.Typer(no_args_is_help=True, help="The events that there are, and what they say.")

Topic = Annotated[str | None, typer.Option(help="Only this topic, such as workforce.tasks.")]
Name = Annotated[str, typer.Argument(help="The event's name, such as TimeEntryRecorded.")]


@app.command("list")
def list_events(topic: Topic = None, as_json: AsJson = False) -> None:
    """List every event by topic: its schema id, its version, and what it means.

    Example: workledger schemas list --topic workforce.tasks
    """
    from schemas.describe import story_order

    catalogue = _catalogue()
    topics = catalogue.topics()
    if topic and topic not in topics:
        raise UsageError(f"There is no topic {topic}; there are {', '.join(topics)}.")
    found = [t for t in catalogue.by_name.values() if topic in (None, t.topic)]
    found.sort(key=story_order)
    if as_json:
        print_json([_told(event_type) for event_type in found])
        return
    table = Table("id", "event", "version", "what happened", box=None, header_style="bold")
    for name in topics:
        of_topic = [event_type for event_type in found if event_type.topic == name]
        if of_topic:
            table.add_row("", f"[bold cyan]{name}[/]", "", f"{len(of_topic)} events")
        part = ""
        for one in of_topic:
            if one.schema.get("part", "") != part:
                part = one.schema["part"]
                table.add_row("", f"[cyan]{part}[/]", "", "")
            table.add_row(
                str(one.schema_id), one.name, str(len(one.versions)), first_sentence(one.doc)
            )
    results.print(table)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show an event whole: when it is told, its fields with their units, and an example.

    With --json also its Avro schema, as other systems read it.

    Example: workledger schemas show TimeEntryRecorded
    """
    event_type = _event_type(name)
    if as_json:
        versions = [{"version": v.number, "id": v.schema_id} for v in event_type.versions]
        more = {"doc": event_type.doc, "versions": versions, "schema": event_type.schema}
        print_json(_told(event_type) | more | {"example": _example(event_type)})
        return
    from schemas.describe import type_text

    version = event_type.versions[-1]
    results.print(f"[bold]{event_type.name}[/]")
    results.print(event_type.doc, markup=False)
    results.print()
    results.print(f"topic    {event_type.topic}")
    results.print(f"version  {version.number}, schema id {version.schema_id}")
    for title, names in (
        ("own fields", event_type.own_fields),
        ("envelope", event_type.envelope_fields),
    ):
        if names:
            table = Table(title, "type", "meaning", box=None, header_style="bold")
            for field in event_type.schema["fields"]:
                if field["name"] in names:
                    table.add_row(field["name"], type_text(field["type"]), field["doc"])
            results.print()
            results.print(table, soft_wrap=False)
    results.print()
    results.print("[bold]example[/]")
    results.print(json.dumps(_example(event_type), indent=2, ensure_ascii=False), markup=False)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Hold every schema against the house rules and against all its earlier versions.

    Exits with 1 and a line for each problem: a schema that cannot read what was written with an
    earlier version, or the other way round; a doc that is missing; a change without a version.

    Example: workledger schemas check
    """
    from schemas.catalogue import CatalogueError, read_catalogue
    from schemas.release import check as check_schemas
    from schemas.typed_source import stale_sources

    try:
        checked = check_schemas()
        problems = [str(problem) for problem in checked.problems]
        problems += [
            f"{name}: it is {'changed' if name in checked.versions else 'new'} and has no id yet; "
            "run: workledger schemas ship"
            for name in checked.unshipped
        ]
        if not problems:
            problems += [
                f"schemas/events/{name} is not what the schemas say; run: workledger schemas ship"
                for name in stale_sources(read_catalogue())
            ]
    except CatalogueError as error:
        raise CommandError(str(error)) from error
    versions = sum(len(versions) for versions in checked.versions.values())
    if as_json:
        print_json({"events": len(checked.schemas), "versions": versions, "problems": problems})
    else:
        for problem in problems:
            results.print(problem, markup=False)
        if not problems:
            results.print(
                f"{len(checked.schemas)} events in {versions} versions: each reads all of its own."
            )
    if problems:
        raise typer.Exit(1)


@app.command()
def ship() -> None:
    """Freeze new and changed schemas: each gets the next id, classes and docs are written anew.

    A version, once shipped, is never changed or removed. Refused where `check` finds a problem.

    Example: workledger schemas ship
    """
    from schemas.catalogue import CatalogueError, read_catalogue
    from schemas.release import ship as ship_schemas
    from schemas.typed_source import write_sources

    try:
        made = ship_schemas()
        written = write_sources(read_catalogue())
    except CatalogueError as error:
        raise CommandError(str(error)) from error
    from infra.events_reference import write_pages

    for version in made:
        results.print(f"{version.name} version {version.number} has the id {version.schema_id}.")
    if not made:
        results.print("Nothing is new: every schema is as it was last shipped.")
    for path in [*written, *write_pages()]:
        say(f"wrote {path}")


def first_sentence(text: str) -> str:
    """The text up to its first full stop or colon."""
    for end in (". ", ": ", "; "):
        text = text.split(end, 1)[0]
    return text.rstrip(".")


def _catalogue() -> Catalogue:
    from schemas.catalogue import CatalogueError, catalogue

    try:
        return catalogue()
    except CatalogueError as error:
        raise CommandError(str(error)) from error


def _event_type(name: str) -> EventType:
    known = _catalogue().by_name
    if name in known:
        return known[name]
    lowered = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1)
    hint = f" Did you mean {lowered[near[0]]}?" if near else " See: workledger schemas list"
    raise UsageError(f"There is no event {name}.{hint}")


def _told(event_type: EventType) -> dict[str, Any]:
    return {
        "event": event_type.name,
        "topic": event_type.topic,
        "subject": event_type.full_name,
        "id": event_type.schema_id,
        "version": len(event_type.versions),
        "fields": list(event_type.own_fields),
    }


def _example(event_type: EventType) -> dict[str, Any]:
    from schemas.release import example

    return example(event_type.schema)
