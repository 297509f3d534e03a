"""Which changes of a schema may be shipped, and why the others may not: one line a reason."""

from typing import Any

import pytest

from schemas.avsc import Json
from schemas.compatibility import breaks
from tests.schemas.synthetic import enum, field, items, record, schema_of

TIME = {"type": "long", "logicalType": "timestamp-micros"}
SHA = {"type": "fixed", "name": "Sha256", "size": 32}
SHA1 = {"type": "fixed", "name": "Sha256", "size": 20}


def event(declared: Any, *default: Any) -> Json:
    return schema_of(field("topic", "string"), field("extra", declared, *default))


SAME: list[tuple[str, Json, Json]] = [
    ("nothing changes", event("long"), event("long")),
    ("a field with a default comes", schema_of(), schema_of(field("extra", "long", 0))),
    ("a field with a default goes", schema_of(field("extra", "long", 0)), schema_of()),
    ("a default changes", event("long", 0), event("long", 1)),
    (
        "a symbol comes to an enum with a default",
        event(enum("a", default="a")),
        event(enum("a", "b", default="a")),
    ),
    (
        "a symbol goes from an enum with a default",
        event(enum("a", "b", default="a")),
        event(enum("a", default="a")),
    ),
    (
        "a record in a list gains a field with a default",
        event(items(record("Part", field("name", "string")))),
        event(items(record("Part", field("name", "string"), field("more", "long", 0)))),
    ),
    (
        "fields change places",
        schema_of(field("one", "long"), field("two", "string")),
        schema_of(field("two", "string"), field("one", "long")),
    ),
]
BROKEN: list[tuple[str, Json, Json]] = [
    ("extra is new and has no default", schema_of(), schema_of(field("extra", "long"))),
    ("extra is gone and had no default", schema_of(field("extra", "long")), schema_of()),
    ("extra was long and is now string", event("long"), event("string")),
    ("extra was long and is now double", event("long"), event("double")),
    ("extra was long, is long (timestamp-micros)", event("long"), event(TIME)),
    ("extra was fixed of 20 bytes, is fixed of 32 bytes", event(SHA1), event(SHA)),
    ("extra is now optional", event("long"), event(["null", "long"], None)),
    ("extra was optional", event(["null", "long"], None), event("long", 0)),
    ("extra gained b", event(enum("a")), event(enum("a", "b", default="a"))),
    ("extra lost b", event(enum("a", "b", default="a")), event(enum("a"))),
    ("extra[] was long and is now string", event(items("long")), event(items("string"))),
    (
        "extra[].more is new and has no default",
        event(items(record("Part", field("name", "string")))),
        event(items(record("Part", field("name", "string"), field("more", "long")))),
    ),
    (
        "extra was named Part and is now Piece",
        event(record("Part", field("name", "string"))),
        event(record("Piece", field("name", "string"))),
    ),
]


@pytest.mark.parametrize(("older", "newer"), [c[1:] for c in SAME], ids=[c[0] for c in SAME])
def test_a_change_that_both_can_read_is_allowed(older: Json, newer: Json) -> None:
    assert breaks(older, newer) == []


@pytest.mark.parametrize(("words", "older", "newer"), BROKEN, ids=[c[0] for c in BROKEN])
def test_a_break_is_told_in_one_line(words: str, older: Json, newer: Json) -> None:
    [reason] = breaks(older, newer)
    assert reason.startswith(words)
    assert "\n" not in reason
