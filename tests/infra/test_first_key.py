"""Who starts the API with an empty store gets a key to begin with, once."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from api.access.roles import Role
from infra.cli.keys import demo_keys, show_first
from infra.settings import Settings
from infra.stack.api import Api
from tests.integration.servers import serving
from tests.local_stack import local_settings

KEY = re.compile(r"wl_[0-9a-f]{12}_\S{43}")


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    """Settings of a home with nothing in it."""
    return local_settings(tmp_path)


def status_with(key: str, address: str) -> int:
    """What the API says to an empty list of events."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{address}/v1/events", json=[], headers=headers).status_code


def test_the_first_start_shows_a_key_that_opens(own_settings: Settings, tmp_path: Path) -> None:
    part, log = Api(own_settings), tmp_path / "api.log"
    with serving(part, log):
        [key] = KEY.findall(log.read_text())
        assert status_with(key, part.address) == 400
        assert status_with(f"{key}x", part.address) == 401


def test_a_command_shows_it_in_the_place_of_an_api_in_the_background(
    own_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    show_first(own_settings)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(KEY.findall(shown.err)) == 1
    show_first(own_settings)
    assert capsys.readouterr().err == ""


def test_each_demo_has_keys_of_its_own(own_settings: Settings) -> None:
    first, second = demo_keys(own_settings), demo_keys(own_settings)
    assert set(second) == {Role.finance, Role.trust_and_safety, Role.analyst}
    assert not set(first.values()) & set(second.values())
