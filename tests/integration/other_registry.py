"""A registry that gave other ids: `python -m tests.integration.other_registry PORT LACKS ALTERS`.

Our own API, serving our schemas under ids from 5001 on; it lacks the event LACKS, and has ALTERS
with another schema.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import replace

import uvicorn

from api.app import create_app
from schemas.avsc import bare
from schemas.catalogue import Catalogue, EventType, catalogue, catalogue_of, use_catalogue

FIRST_ID = 5_000


def renumbered(lacks: str = "", alters: str = "") -> Catalogue:
    """Our catalogue with each id raised by `FIRST_ID`."""
    types: list[EventType] = []
    for event_type in catalogue().by_name.values():
        if event_type.name == lacks:
            continue
        schema = copy.deepcopy(event_type.schema)
        if event_type.name == alters:
            schema["fields"][-1]["name"] += "_more"
        versions = tuple(
            replace(v, schema_id=FIRST_ID + v.schema_id, schema=bare(schema))
            for v in event_type.versions
        )
        types.append(replace(event_type, schema=schema, versions=versions))
    return catalogue_of(types)


if __name__ == "__main__":
    use_catalogue(renumbered(*sys.argv[2:]))
    uvicorn.run(create_app({}), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
