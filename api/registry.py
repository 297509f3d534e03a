"""The read side of the Confluent Schema Registry's API: any Confluent client reads our topics.

A subject is a record's full name (RecordNameStrategy), since a topic holds many types of events.
Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

import json
from functools import partial
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, JSONBody, QueryParameter

from schemas.avsc import Json, bare
from schemas.catalogue import EventType, Version, catalogue

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
read = partial(get, media_type=MEDIA_TYPE)
ask = partial(post, media_type=MEDIA_TYPE, status_code=200)
COMPATIBILITY = "FULL_TRANSITIVE"
SUBJECT_NOT_FOUND, VERSION_NOT_FOUND, SCHEMA_NOT_FOUND = 40401, 40402, 40403
INVALID_SCHEMA, INVALID_VERSION, READ_ONLY = 42201, 42202, 42205


class RegistryError(HTTPException):
    """An error in the registry's own shape: its first three digits are the HTTP status."""

    def __init__(self, error_code: int, message: str) -> None:
        super().__init__(status_code=error_code // 100, detail=message)
        self.error_code = error_code


class Candidate(msgspec.Struct):
    """A schema that a client asks about."""

    schema: str
    schemaType: str = "AVRO"  # noqa: N815 (the registry's own name)


Prefix = Annotated[
    str, QueryParameter(name="subjectPrefix", description="What the subjects begin with.")
]


class Registry(Controller):
    """Every schema that was ever shipped, by id and by subject; nothing is written here."""

    tags = ("schemas",)

    @read("/schemas/types")
    async def types(self) -> list[str]:
        """The kinds of schemas: Avro alone."""
        return ["AVRO"]

    @read("/schemas/ids/{schema_id:int}")
    async def by_id(self, schema_id: FromPath[int]) -> Json:
        """The schema that bytes with this id were written with."""
        return {"schema": _text(schema_of(*_found(schema_id)))}

    @read("/schemas/ids/{schema_id:int}/schema")
    async def schema_by_id(self, schema_id: FromPath[int]) -> Json:
        """The same as a JSON document of its own."""
        return schema_of(*_found(schema_id))

    @read("/schemas/ids/{schema_id:int}/subjects")
    async def subjects_by_id(self, schema_id: FromPath[int]) -> list[str]:
        """The subject that the id belongs to."""
        return [_found(schema_id)[0].full_name]

    @read("/schemas/ids/{schema_id:int}/versions")
    async def versions_by_id(self, schema_id: FromPath[int]) -> list[Json]:
        """The subject and version that the id belongs to."""
        event_type, version = _found(schema_id)
        return [{"subject": event_type.full_name, "version": version.number}]

    @read("/subjects")
    async def subjects(
        self,
        prefix: Annotated[
            str, QueryParameter(name="subjectPrefix", description="What they begin with.")
        ] = "",
    ) -> list[str]:
        """Every subject, sorted."""
        named = sorted(event_type.full_name for event_type in catalogue().by_name.values())
        return [name for name in named if name.startswith(prefix)]

    @read("/subjects/{subject:str}/versions")
    async def versions(self, subject: FromPath[str]) -> list[int]:
        """The numbers of a subject's versions."""
        return [version.number for version in _event_type(subject).versions]

    @read("/subjects/{subject:str}/versions/{number:str}")
    async def version(self, subject: FromPath[str], number: FromPath[str]) -> Json:
        """A version of a subject; `latest` is today's."""
        return _told(*_version(subject, number))

    @read("/subjects/{subject:str}/versions/{number:str}/schema")
    async def schema_of_version(self, subject: FromPath[str], number: FromPath[str]) -> Json:
        """The schema of a version as a JSON document of its own."""
        return schema_of(*_version(subject, number))

    @ask("/subjects/{subject:str}")
    async def look_up(self, subject: FromPath[str], data: JSONBody[Candidate]) -> Json:
        """The version of a subject that a schema is, whatever its docs say."""
        return _told(*_same(subject, data))

    @ask("/subjects/{subject:str}/versions")
    async def register(self, subject: FromPath[str], data: JSONBody[Candidate]) -> Json:
        """The id of a schema that is shipped already; any other is refused, as read-only."""
        try:
            return {"id": _same(subject, data)[1].schema_id}
        except RegistryError as error:
            if error.error_code == INVALID_SCHEMA:
                raise
            raise RegistryError(
                READ_ONLY,
                f"Subject '{subject}' is read-only here: events and their ids are in the ledger's "
                "own repository, in schemas/; see CONTRIBUTING.md.",
            ) from error

    @read(["/config", "/config/{subject:str}"])
    async def config(self) -> Json:
        """How schemas may change."""
        return {"compatibilityLevel": COMPATIBILITY}

    @read(["/mode", "/mode/{subject:str}"])
    async def mode(self) -> Json:
        """Whether schemas may be registered: no."""
        return {"mode": "READONLY"}


def schema_of(event_type: EventType, version: Version) -> Json:
    """A version's schema; today's with its docs."""
    return event_type.schema if version is event_type.versions[-1] else version.schema


def _text(schema: Json) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def _told(event_type: EventType, version: Version) -> Json:
    return {
        "subject": event_type.full_name,
        "id": version.schema_id,
        "version": version.number,
        "schema": _text(schema_of(event_type, version)),
    }


def _found(schema_id: int) -> tuple[EventType, Version]:
    found = catalogue().by_id.get(schema_id)
    if found is None:
        raise RegistryError(SCHEMA_NOT_FOUND, f"Schema {schema_id} not found")
    return found


def _event_type(subject: str) -> EventType:
    event_type = catalogue().by_name.get(subject.rpartition(".")[2])
    if event_type is None or event_type.full_name != subject:
        raise RegistryError(SUBJECT_NOT_FOUND, f"Subject '{subject}' not found.")
    return event_type


def _version(subject: str, number: str) -> tuple[EventType, Version]:
    event_type = _event_type(subject)
    if number in ("latest", "-1"):
        return event_type, event_type.versions[-1]
    if not number.isdecimal() or int(number) < 1:
        raise RegistryError(
            INVALID_VERSION,
            f"The specified version '{number}' is not a valid version id. Allowed values are "
            'between [1, 2^31-1] and the string "latest"',
        )
    if int(number) > len(event_type.versions):
        raise RegistryError(VERSION_NOT_FOUND, f"Version {number} not found.")
    return event_type, event_type.versions[int(number) - 1]


def _same(subject: str, candidate: Candidate) -> tuple[EventType, Version]:
    event_type = _event_type(subject)
    try:
        asked = bare(json.loads(candidate.schema))
    except ValueError as error:
        raise RegistryError(INVALID_SCHEMA, f"The schema is not JSON: {error}") from error
    for version in reversed(event_type.versions):
        if version.schema == asked:
            return event_type, version
    raise RegistryError(SCHEMA_NOT_FOUND, f"Schema not found: none of '{subject}' is the same.")
