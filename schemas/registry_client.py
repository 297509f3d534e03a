"""Ids from a real schema registry, which must hold every version as we shipped it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx

from schemas.avsc import Json, bare
from schemas.catalogue import Catalogue, EventType, Version, catalogue_of

CONNECTIONS_MAX = 8
TIMEOUT_S = 10.0
ATTEMPTS_MAX = 3
PAUSE_S = 0.5


class RegistryMismatchError(Exception):
    """The registry does not answer, or does not hold what we shipped; a sentence for people."""


def with_ids_of(url: str, ours: Catalogue, auth: tuple[str, str] | None = None) -> Catalogue:
    """Our catalogue with the ids that the registry at `url` gave to our versions.

    A version is known by its schema, docs aside, under the subject that is the record's full name.
    Raises `RegistryMismatchError` that names the first subject which differs. Blocks for at most
    some seconds, or about `ATTEMPTS_MAX` × `TIMEOUT_S` where the registry is silent.
    """
    limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
    with (
        httpx.Client(base_url=url, auth=auth, timeout=TIMEOUT_S, limits=limits) as client,
        ThreadPoolExecutor(max_workers=CONNECTIONS_MAX) as pool,
    ):
        types = list(pool.map(partial(_renumbered, client), ours.by_name.values()))
    return catalogue_of(types)


def _renumbered(client: httpx.Client, event_type: EventType) -> EventType:
    subject = event_type.full_name
    numbers: list[int] = _get(client, f"/subjects/{subject}/versions", subject)
    registered = [_get(client, f"/subjects/{subject}/versions/{n}", subject) for n in numbers]
    versions = tuple(_same(client, subject, version, registered) for version in event_type.versions)
    return replace(event_type, versions=versions)


def _same(client: httpx.Client, subject: str, version: Version, registered: list[Json]) -> Version:
    for told in registered:
        if bare(json.loads(told["schema"])) == version.schema:
            return replace(version, schema_id=int(told["id"]))
    raise RegistryMismatchError(
        f"The schema registry at {client.base_url} has {subject}, but not version "
        f"{version.number} as it was shipped: register that schema, or point to the registry of "
        "this ledger."
    )


def _get(client: httpx.Client, path: str, subject: str) -> Any:
    reason = ""
    for attempt in range(ATTEMPTS_MAX):
        if attempt:
            time.sleep(PAUSE_S)
        try:
            answer = client.get(path)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            continue
        if answer.status_code == HTTPStatus.OK:
            return answer.json()
        reason = f"it answers {answer.status_code}"
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise RegistryMismatchError(
                f"The schema registry at {client.base_url} does not know {subject}: register its "
                "schema there first."
            )
        if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            break
    raise RegistryMismatchError(
        f"The schema registry at {client.base_url} cannot be read: {reason}."
    )
