"""The check of schemas, and shipping: in a copy of the folder, as a person would do it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas.avsc import Json
from schemas.catalogue import FOLDER, SHIPPED, CatalogueError, catalogue, read_catalogue
from schemas.release import check, ship
from schemas.typed_source import stale_sources, write_sources
from schemas.wire import decode

HIRED = Path("workforce.experts") / "ExpertHired.avsc"
NEW: Json = {
    "type": "record",
    "name": "LessonHeld",
    "namespace": "workforce.experts",
    "doc": "An expert teaches others how to judge.",
    "fields": [
        {"name": "lesson_id", "type": "string", "doc": "The lesson's own id.", "example": "l-1"}
    ],
}


class Copy:
    """The schemas in a folder of the test's own."""

    def __init__(self, path: Path) -> None:
        self.folder, self.shipped = path / "avro", path / "shipped.jsonl"
        shutil.copytree(FOLDER, self.folder)
        shutil.copy(SHIPPED, self.shipped)

    def edit(self, path: Path, **changes: Any) -> None:
        """Change a schema's own JSON."""
        file = self.folder / path
        schema = json.loads(file.read_text())
        file.write_text(json.dumps(schema | changes))

    def fields(self, path: Path) -> list[Json]:
        return json.loads((self.folder / path).read_text())["fields"]

    def problems(self) -> list[str]:
        return [str(problem) for problem in check(self.folder, self.shipped).problems]

    def unshipped(self) -> list[str]:
        return check(self.folder, self.shipped).unshipped

    def write(self, schema: Json) -> None:
        path = self.folder / schema["namespace"] / f"{schema['name']}.avsc"
        path.write_text(json.dumps(schema))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_schemas_of_this_repository_are_sound_and_shipped() -> None:
    checked = check()
    assert (checked.problems, checked.unshipped) == ([], [])


def test_a_field_that_goes_is_refused_with_the_version_it_breaks(copy: Copy) -> None:
    copy.edit(HIRED, fields=copy.fields(HIRED)[:-1])
    assert copy.problems() == [
        "ExpertHired: breaks version 1 (id 1): home_zone is gone and had no default, which older "
        "readers need"
    ]
    with pytest.raises(CatalogueError, match="ExpertHired: breaks version 1"):
        ship(copy.folder, copy.shipped)


def test_a_field_with_a_default_is_shipped_as_the_next_version_with_the_next_id(copy: Copy) -> None:
    title = {"name": "title", "type": ["null", "string"], "default": None, "example": "Dr"}
    copy.edit(HIRED, fields=[*copy.fields(HIRED), title | {"doc": "How they are addressed."}])
    assert copy.unshipped() == ["ExpertHired"]
    [made] = ship(copy.folder, copy.shipped)
    assert (made.number, made.schema_id) == (2, max(catalogue().by_id) + 1)
    known = read_catalogue(copy.folder, copy.shipped)
    golden_1, golden_2 = (version.golden for version in known.by_name["ExpertHired"].versions)
    assert decode(golden_1, known)[1]["title"] is None
    assert decode(golden_2, known)[1]["title"] == "Dr"
    assert (copy.problems(), copy.unshipped()) == ([], [])


def test_what_was_shipped_before_is_left_as_it_is(copy: Copy) -> None:
    before = copy.shipped.read_text()
    copy.write(NEW)
    ship(copy.folder, copy.shipped)
    assert copy.shipped.read_text().startswith(before)


def test_a_new_event_is_read_once_it_is_shipped(copy: Copy) -> None:
    copy.write(NEW)
    with pytest.raises(CatalogueError, match=r"LessonHeld.avsc is not as it was last shipped"):
        read_catalogue(copy.folder, copy.shipped)
    [made] = ship(copy.folder, copy.shipped)
    known = read_catalogue(copy.folder, copy.shipped)
    assert decode(made.golden, known)[1]["lesson_id"] == "l-1"


def test_a_changed_doc_needs_no_version(copy: Copy) -> None:
    copy.edit(HIRED, doc="An expert joins us; hours before it are not payable.")
    assert (copy.problems(), copy.unshipped()) == ([], [])


def test_a_schema_that_was_shipped_cannot_go(copy: Copy) -> None:
    (copy.folder / HIRED).unlink()
    assert copy.problems() == ["ExpertHired: version 1 was shipped, and there is no schema"]


def lesson(**changes: Any) -> Json:
    return NEW | {"fields": [NEW["fields"][0] | changes]}


HOUSE: list[tuple[str, Json]] = [
    ("the record has no doc", NEW | {"doc": ""}),
    ("its part is none of Sourcing and interview", NEW | {"part": "Lessons"}),
    ("lesson_id has no doc", lesson(doc="id")),
    ("lesson_id has aliases", lesson(aliases=["lesson"])),
    ("lesson_id is int: numbers are long", lesson(type="int")),
    ("lesson_id has the type sting, which there is not", lesson(type="sting")),
    ("lesson_id is a map", lesson(type={"type": "map", "values": "long"})),
    ('lesson_id must be a union of "null" and one type', lesson(type=["string", "null"])),
    ('lesson_id is optional and lacks `"default": null`', lesson(type=["null", "string"])),
    ("lesson_id has a default of bytes", lesson(type="bytes", default="a", example="61")),
    ("LessonHeld: lesson_id is None: it must be text", lesson(example=None)),
    ("an id has 1 to 200 bytes", lesson(example="")),
    (
        "lesson_id has an enum whose default is none of its symbols",
        lesson(type={"type": "enum", "name": "L", "symbols": ["a"], "default": "b"}),
    ),
]


@pytest.mark.parametrize(("words", "schema"), HOUSE, ids=[case[0] for case in HOUSE])
def test_a_schema_against_the_house_rules_is_refused(copy: Copy, words: str, schema: Json) -> None:
    copy.write(schema)
    [problem] = copy.problems()
    assert problem.startswith("LessonHeld: ")
    assert words in problem


def test_a_field_with_a_name_of_the_envelope_is_refused(copy: Copy) -> None:
    copy.write(lesson(name="actor"))
    with pytest.raises(CatalogueError, match=r"LessonHeld.avsc: \['actor'\] are names of the env"):
        copy.problems()


def test_a_file_that_is_not_json_is_named(copy: Copy) -> None:
    (copy.folder / HIRED).write_text("{")
    with pytest.raises(CatalogueError, match=r"ExpertHired.avsc is not JSON"):
        copy.problems()


def test_a_schema_that_lacks_a_part_is_named(copy: Copy) -> None:
    copy.write({name: value for name, value in NEW.items() if name != "doc"})
    with pytest.raises(CatalogueError, match=r"LessonHeld.avsc: it lacks doc"):
        copy.problems()


def test_an_id_that_is_given_twice_is_refused(copy: Copy) -> None:
    lines = copy.shipped.read_text().splitlines()
    copy.shipped.write_text("\n".join([*lines, lines[0]]) + "\n")
    with pytest.raises(CatalogueError, match="gives the id 1 twice"):
        copy.problems()


def test_classes_are_written_for_what_is_shipped(copy: Copy, tmp_path: Path) -> None:
    copy.write(NEW)
    ship(copy.folder, copy.shipped)
    known = read_catalogue(copy.folder, copy.shipped)
    events = tmp_path / "events"
    events.mkdir()
    (events / "gone.py").write_text("")
    write_sources(known, events)
    assert (
        "class LessonHeld(Event, frozen=True, kw_only=True):" in (events / "experts.py").read_text()
    )
    assert not (events / "gone.py").exists()
    assert stale_sources(known, events) == []


def test_the_classes_of_this_repository_are_what_the_schemas_say() -> None:
    assert stale_sources(catalogue()) == [], "run: workledger schemas ship"
