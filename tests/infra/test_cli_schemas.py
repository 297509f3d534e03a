"""`workledger schemas`: what a newcomer types, and what they are told."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.main import app
from infra.errors import UsageError
from schemas.catalogue import FOLDER, catalogue
from schemas.release import check

runner = CliRunner()


def test_list_names_every_event_under_its_topic() -> None:
    said = runner.invoke(app, ["schemas", "list"]).stdout
    assert all(name in said for name in catalogue().by_name)
    assert all(topic in said for topic in catalogue().topics())


def test_list_of_one_topic_as_json_has_its_events_alone() -> None:
    answer = runner.invoke(app, ["schemas", "list", "--topic", "workforce.tokens", "--json"])
    [told] = json.loads(answer.stdout)
    assert (told["event"], told["topic"]) == ("TokenSeen", "workforce.tokens")
    assert told["subject"] == "workforce.tokens.TokenSeen"


def test_a_topic_that_is_not_there_is_answered_with_those_that_are() -> None:
    answer = runner.invoke(app, ["schemas", "list", "--topic", "tasks"])
    assert isinstance(answer.exception, UsageError)
    assert "there are workforce.activity" in str(answer.exception)


def test_show_says_what_each_field_means() -> None:
    said = " ".join(runner.invoke(app, ["schemas", "show", "TimeEntryRecorded"]).stdout.split())
    assert "A stretch of time that the expert worked on a project" in said
    assert "started_at time First instant of the entry" in said
    assert '"entry_method": "tracker"' in said


def test_show_as_json_has_the_schema_that_others_read() -> None:
    told = json.loads(runner.invoke(app, ["schemas", "show", "ExpertHired", "--json"]).stdout)
    assert told["schema"] == catalogue().by_name["ExpertHired"].schema
    assert told["example"]["country"] == "PT"


def test_a_misspelt_event_is_answered_with_the_one_that_was_meant() -> None:
    answer = runner.invoke(app, ["schemas", "show", "timeentryrecoded"])
    assert isinstance(answer.exception, UsageError)
    assert "Did you mean TimeEntryRecorded?" in str(answer.exception)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_check_answers_with_zero_where_all_is_sound(options: list[str]) -> None:
    answer = runner.invoke(app, ["schemas", "check", *options])
    assert answer.exit_code == 0
    assert str(len(catalogue().by_name)) in answer.stdout


def test_check_answers_with_one_and_a_line_for_a_schema_that_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "avro"
    shutil.copytree(FOLDER, copy)
    file = copy / "workforce.experts" / "ExpertHired.avsc"
    schema = json.loads(file.read_text())
    schema["fields"][1]["type"] = "long"
    file.write_text(json.dumps(schema))
    monkeypatch.setattr("schemas.release.check", partial(check, copy))
    answer = runner.invoke(app, ["schemas", "check"])
    assert answer.exit_code == 1
    assert answer.stdout == (
        "ExpertHired: breaks version 1 (id 1): country was string and is now long\n"
    )
