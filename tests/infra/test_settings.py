"""Settings come from the environment, are all documented, and say what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings, SettingsError, load_settings, variable
from infra.settings_reference import render

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_the_reference_is_the_one_that_the_settings_describe() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == render(), "run: python -m infra.settings_reference > docs/settings.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name: str) -> None:
    assert (Settings.model_fields[name].description or "").endswith(".")


def test_nothing_has_to_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.home == tmp_path / ".workledger"
    assert settings.bootstrap_servers == "127.0.0.1:19092"
    assert settings.clickhouse_http_url == "http://127.0.0.1:18123"


def test_a_setting_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKLEDGER_BROKER_PORT", "29092")
    assert load_settings().bootstrap_servers == "127.0.0.1:29092"


def test_external_addresses_are_used_instead_of_the_local_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORKLEDGER_BROKER_ADDRESS", "kafka-1:9092, kafka-2:9092")
    monkeypatch.setenv("WORKLEDGER_CLICKHOUSE_URL", "http://clickhouse:8123/")
    settings = load_settings()
    assert settings.bootstrap_servers == "kafka-1:9092,kafka-2:9092"
    assert settings.clickhouse_http_url == "http://clickhouse:8123"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "BROKER_PORT",
            "many",
            "WORKLEDGER_BROKER_PORT must be a valid integer, unable to parse string as an "
            "integer, not 'many'.",
        ),
        (
            "CLICKHOUSE_PORT",
            "0",
            "WORKLEDGER_CLICKHOUSE_PORT must be greater than or equal to 1, not '0'.",
        ),
        (
            "BROKER_ADDRESS",
            "kafka",
            "WORKLEDGER_BROKER_ADDRESS must be host:port, several of them separated by commas, "
            "not 'kafka'.",
        ),
        (
            "CLICKHOUSE_URL",
            "clickhouse:8123",
            "WORKLEDGER_CLICKHOUSE_URL must be an address that starts with http:// or https://, "
            "not 'clickhouse:8123'.",
        ),
        (
            "BROKER_PORT",
            "19093",
            "WORKLEDGER_BROKER_PORT and WORKLEDGER_BROKER_CONTROLLER_PORT are both 19093; "
            "give each a port of its own.",
        ),
        (
            "HOST",
            "0.0.0.0",
            "WORKLEDGER_HOST 0.0.0.0 is reached by other machines; "
            "set WORKLEDGER_ALLOW_REMOTE to true if that is meant.",
        ),
        (
            "BROKER_PRT",
            "1",
            "WORKLEDGER_BROKER_PRT is not a setting. Did you mean WORKLEDGER_BROKER_PORT?",
        ),
    ],
)
def test_a_wrong_setting_is_said_in_a_sentence_that_names_the_variable(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"WORKLEDGER_{name}", value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == sentence
