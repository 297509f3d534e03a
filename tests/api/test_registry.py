"""The registry's routes answer as a Confluent registry does, in its shapes and error codes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api.app import create_app
from api.registry import MEDIA_TYPE
from schemas.catalogue import catalogue

HIRED = "workforce.experts.ExpertHired"
SCHEMA = catalogue().by_name["ExpertHired"].schema


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    with TestClient(create_app({})) as client:
        yield client


def test_every_subject_is_a_records_full_name(client: TestClient[Litestar]) -> None:
    subjects = client.get("/subjects").json()
    assert subjects == sorted(f"{t.topic}.{t.name}" for t in catalogue().by_name.values())
    prefixed = client.get("/subjects", params={"subjectPrefix": "workforce.tokens."}).json()
    assert prefixed == ["workforce.tokens.TokenSeen"]


def test_every_id_answers_with_its_schema(client: TestClient[Litestar]) -> None:
    for schema_id, (event_type, version) in catalogue().by_id.items():
        told = client.get(f"/schemas/ids/{schema_id}")
        assert told.headers["content-type"] == MEDIA_TYPE
        assert json.loads(told.json()["schema"])["name"] == version.name
        places = client.get(f"/schemas/ids/{schema_id}/versions").json()
        subject = f"{event_type.topic}.{event_type.name}"
        assert places == [{"subject": subject, "version": version.number}]
        assert client.get(f"/schemas/ids/{schema_id}/subjects").json() == [subject]


@pytest.mark.parametrize("number", ["1", "latest", "-1"])
def test_a_version_has_its_id_and_its_schema_with_docs(
    client: TestClient[Litestar], number: str
) -> None:
    told = client.get(f"/subjects/{HIRED}/versions/{number}").json()
    assert (told["subject"], told["id"], told["version"]) == (HIRED, 1, 1)
    assert json.loads(told["schema"]) == SCHEMA
    assert client.get(f"/subjects/{HIRED}/versions/{number}/schema").json() == SCHEMA


def test_a_schema_is_found_whatever_its_docs_say(client: TestClient[Litestar]) -> None:
    asked = SCHEMA | {"doc": "Other words."}
    for path in (f"/subjects/{HIRED}", f"/subjects/{HIRED}/versions"):
        answer = client.post(path, json={"schema": json.dumps(asked)})
        assert (answer.status_code, answer.json()["id"]) == (200, 1)


REFUSED: list[tuple[str, str, Any, int, int]] = [
    ("GET", "/schemas/ids/999999", None, 404, 40403),
    ("GET", "/schemas/ids/six", None, 404, 404),
    ("GET", "/subjects/nobody/versions", None, 404, 40401),
    ("GET", "/subjects/workforce.tasks.ExpertHired/versions", None, 404, 40401),
    ("GET", f"/subjects/{HIRED}/versions/9", None, 404, 40402),
    ("GET", f"/subjects/{HIRED}/versions/0", None, 422, 42202),
    ("GET", f"/subjects/{HIRED}/versions/new", None, 422, 42202),
    ("POST", f"/subjects/{HIRED}", {"schema": '"string"'}, 404, 40403),
    ("POST", f"/subjects/{HIRED}", {"schema": "{"}, 422, 42201),
    ("POST", f"/subjects/{HIRED}", {}, 400, 400),
    ("POST", f"/subjects/{HIRED}/versions", {"schema": '"string"'}, 422, 42205),
    ("DELETE", f"/subjects/{HIRED}", None, 405, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), REFUSED)
def test_an_error_has_the_registrys_shape(
    client: TestClient[Litestar], method: str, path: str, body: Any, status: int, code: int
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["error_code"] == code
    assert answer.json()["message"]


def test_the_registry_says_that_it_is_read_only_and_how_schemas_may_change(
    client: TestClient[Litestar],
) -> None:
    assert client.get("/", headers={"Accept": "application/json"}).json() == {}
    assert client.get("/mode").json() == {"mode": "READONLY"}
    assert client.get(f"/config/{HIRED}").json() == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert client.get("/schemas/types").json() == ["AVRO"]
