"""The OpenAPI document: complete, and true of what is served, whatever a fuzzer sends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.access.roles import Role
from infra.settings import CHECKOUT
from schemas.catalogue import catalogue

pytestmark = pytest.mark.stack
Headers = dict[Role, dict[str, str]]


def test_every_operation_says_what_it_does_what_goes_wrong_and_whether_it_asks_for_a_key(
    served: str,
) -> None:
    document = httpx.get(f"{served}/schema").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for told in operations.values():
            assert told["description"], path
            assert told["tags"], path
            assert "default" in told["responses"], path
            assert bool(told.get("security")) == path.startswith("/v1/"), path
            for parameter in told.get("parameters", ()):
                assert parameter["in"] == "path" or parameter["description"], parameter


def test_every_event_is_described_field_by_field(served: str) -> None:
    schemas: dict[str, Any] = httpx.get(f"{served}/schema").json()["components"]["schemas"]
    for name, event_type in catalogue().by_name.items():
        assert set(schemas[name]["properties"]) == {"event_type", *event_type.fields}


@pytest.mark.parametrize(
    "chosen",
    [
        ("--phases", "examples,fuzzing", "--max-examples", "3"),
        pytest.param(
            ("--max-examples", "50"), marks=[pytest.mark.long, pytest.mark.timeout(1_800)]
        ),
    ],
    ids=["briefly", "everything"],
)
def test_a_fuzzer_finds_nothing(
    served: str, as_role: Headers, tmp_path: Path, chosen: tuple[str, ...]
) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
        *("run", f"{served}/schema/openapi.json", "--max-failures", "10", "--no-color"),
        *("--exclude-path", "/v1/alerts/stream"),  # it answers for a quarter of an hour
        *("--header", f"Authorization: {as_role[Role.admin]['Authorization']}", *chosen),
    ]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
