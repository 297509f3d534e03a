"""Writes the pages of events: `python -m infra.events_reference` fills `docs/events/`.

What they say comes from the schemas, and who reads an event from the handlers' signatures.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.settings import CHECKOUT
from projections.registry import PROJECTIONS
from schemas.catalogue import EventType, catalogue, read_schemas
from schemas.describe import story_order, type_text
from schemas.release import example
from streams.topics import DAY_MS, EVENT_TOPICS, FOREVER_MS, Topic

FOLDER = CHECKOUT / "docs" / "events"
SAYS = {
    "expert": "the expert",
    "staff": "a person of staff",
    "system": "a system of the marketplace",
}
ABOUT = {
    "workforce.experts": "All that decides one expert's standing and money, under their key: one "
    "partition, one order.",
    "workforce.tasks": "Pieces of work. The log decides who holds a task: the first claim wins.",
    "workforce.activity": "What is observed while an expert works: large, and not kept for ever.",
    "workforce.projects": "Clients' projects: policies, terms and rates.",
    "workforce.payouts": "Pay periods, their closing, and what the bank's files say.",
    "workforce.policies": "What was in force when, so that a replay uses what held then.",
    "workforce.tokens": "Devices, networks and bank destinations by token; derived.",
    "workforce.audit": "Who read people's data.",
}

ON_KAFKA = """\
## On Kafka

A record's key is the subject in UTF-8, and its partition Kafka's default (murmur2) of 12. Its value
is a byte 0, the schema id in four bytes, and the Avro body. Money is in minor units (`_minor`),
a duration in milliseconds (`_ms`), a score in basis points (`_bp`), all of them integers. A time is
`timestamp-micros` in UTC; in JSON it is ISO 8601 with its offset, or an integer of microseconds.
An event's id is 16 bytes, a UUID in JSON; hashes are bytes, hexadecimal in JSON."""


def pages() -> dict[str, str]:
    """File name to Markdown: an index, and a page a topic."""
    return {"README.md": _index()} | {f"{topic.name}.md": _page(topic) for topic in EVENT_TOPICS}


def write_pages() -> list[Path]:
    """Write the pages that are not what the code says; answer their paths."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def _types(topic: Topic) -> list[EventType]:
    types = [t for t in catalogue().by_name.values() if t.topic == topic.name]
    return sorted(types, key=story_order)


def _index() -> str:
    envelope, _ = read_schemas()
    lines = [
        "# Events",
        "",
        f"{len(catalogue().by_name)} events on {len(EVENT_TOPICS)} topics. Every page is written "
        "from the schemas by `workledger schemas ship`.",
        "",
        "| topic | key | events | kept | what it holds |",
        "|---|---|---|---|---|",
        *(
            f"| [{topic.name}]({topic.name}.md) | {topic.key} | {len(_types(topic))} | "
            f"{_kept(topic)} | {ABOUT[topic.name]} |"
            for topic in EVENT_TOPICS
        ),
        "",
        *ON_KAFKA.splitlines(),
        "",
        "## The envelope",
        "",
        "Every event begins with these fields.",
        "",
        *_fields(envelope["fields"]),
    ]
    return "\n".join(lines) + "\n"


def _kept(topic: Topic) -> str:
    return (
        "for ever" if topic.retention_ms == FOREVER_MS else f"{topic.retention_ms // DAY_MS} days"
    )


def _page(topic: Topic) -> str:
    types = _types(topic)
    parts = list(dict.fromkeys(str(t.schema.get("part", "")) for t in types))
    lines = [
        f"# {topic.name}",
        "",
        ABOUT[topic.name],
        "",
        f"Key: {topic.key}. Kept {_kept(topic)}. {len(types)} events; the [envelope](README.md"
        "#the-envelope) goes before the fields of each.",
        "",
    ]
    for part in parts:
        of_part = [t for t in types if t.schema.get("part", "") == part]
        if len(parts) > 1:
            lines += [f"- {part}: {', '.join(_link(t) for t in of_part)}"]
        else:
            lines += [f"- {_link(t)}" for t in of_part]
    lines.append("")
    for part in parts:
        if len(parts) > 1:
            lines += [f"## {part}", ""]
        for event_type in types:
            if event_type.schema.get("part", "") == part:
                lines += _event(event_type)
    return "\n".join(lines)


def _link(event_type: EventType) -> str:
    return f"[{event_type.name}](#{event_type.name.lower()})"


def _event(event_type: EventType) -> Iterator[str]:
    told = example(event_type.schema)
    version = event_type.versions[-1]
    yield from (f"### {event_type.name}", "", event_type.doc, "")
    said_by = SAYS[str(told["actor"]).partition(":")[0]]
    yield f"Said by {said_by}. Schema id {version.schema_id}, version {version.number}."
    yield from (_read_by(event_type), "")
    own = [f for f in event_type.schema["fields"] if f["name"] in event_type.own_fields]
    if own:
        yield from (*_fields(own), "")
    told = {name: value for name, value in told.items() if value is not None}
    yield from ("<details><summary>Example</summary>", "", "```json")
    yield json.dumps(told, indent=2, ensure_ascii=False)
    yield from ("```", "", "</details>", "")


def _read_by(event_type: EventType) -> str:
    """Which projections read the event, and which of its fields."""
    readers: list[str] = []
    for name, projection in PROJECTIONS.items():
        columns = projection.reads(event_type.name)
        if columns == event_type.fields:
            readers.append(f"`{name}` (whole)")
        elif columns:
            readers.append(f"`{name}` ({', '.join(f'`{column}`' for column in columns)})")
    return f"Read by {', '.join(readers)}."


def _fields(fields: list[dict[str, object]]) -> list[str]:
    return [
        "| field | type | meaning |",
        "|---|---|---|",
        *(
            f"| `{field['name']}` | {type_text(field['type'])} | "
            f"{str(field['doc']).replace('|', '&#124;')} |"
            for field in fields
        ),
    ]


if __name__ == "__main__":
    for path in write_pages():
        sys.stdout.write(f"{path}\n")
