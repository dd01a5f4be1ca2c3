"""What commands print for people fits into 80 columns where there is no terminal, in error too."""

from __future__ import annotations

import json
import logging

import pytest
from rich.cells import cell_len

from dara_dagster.cli.render.lines import WrappedLog, wrapped
from tests.cli.conftest import Project

_LONG = "a_name_that_is_" + "rather_" * 6 + "long"


@pytest.fixture
def narrow(project: Project) -> Project:
    project.own["COLUMNS"] = "80"
    return project


def too_long(text: str) -> list[str]:
    """The lines of more than 80 columns that are not one word alone, as a path or a URL is."""
    return [line for line in text.splitlines() if cell_len(line) > 80 and len(line.split()) > 1]


@pytest.mark.parametrize(
    "command",
    [
        ["validate"],
        ["plan"],
        ["doctor"],
        ["run"],
        ["deploy"],
        ["render", "daily"],
        ["compute", "list"],
        ["orphans"],
        ["compare"],
        ["serve"],
    ],
)
def test_the_problems_of_files_fit(narrow: Project, command: list[str]) -> None:
    tasks = [
        {"file_name": _LONG, "format": "py", "dependent_on": ["no_such"], "max_retries": "often"},
        {"file_name": "load", "format": "py", "compute_name": _LONG, "wait": 1},
    ]
    narrow.write("config/dependency.json", {"name": "daily", "tasks": tasks})

    text = narrow.here(*command, code=1)

    assert text.count("\n") > 1 or command != ["validate"]
    assert not too_long(text)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["run", _LONG], 1),
        (["run", "daily", "-p", f"{_LONG} {_LONG}"], 2),
        (["run", "--resume", _LONG], 1),
        (["status", _LONG], 1),
        (["report", _LONG], 1),
        (["cancel", _LONG], 1),
        (["compare", _LONG, _LONG], 1),
        (["compute", "start", _LONG], 1),
        (["deploy", _LONG], 1),
        (["validate"], 0),
        (["plan"], 0),
        (["orphans"], 1),
        (["doctor"], 1),
    ],
)
def test_what_commands_say_fits(narrow: Project, command: list[str], code: int) -> None:
    narrow.own |= {"DARA_WORKSPACE": "databricks", "DATABRICKS_HOST": "http://127.0.0.1:9"}
    narrow.own |= {"DATABRICKS_TOKEN": "x"}
    names = [f"{_LONG}_{number}" for number in range(3)]
    for name in names:
        narrow.write(f"config/notebooks/{name}.py", "# Databricks notebook source\n")
    tasks = [
        {"file_name": name, "format": "py", "dependent_on": names[:number]}
        for number, name in enumerate(names)
    ]
    narrow.write("config/dependency.json", {"name": "daily", "tasks": tasks})

    assert not too_long(narrow.here(*command, code=code))


def test_a_run_that_fails_is_reported_in_lines_that_fit(connected: Project) -> None:
    connected.own["COLUMNS"] = "80"
    error = "raise ValueError('the input is not what it was ' * 20)"
    connected.write("config/notebooks/left.py", f"# Databricks notebook source\n{error}\n")

    reported = connected.here("run", "daily", code=1)
    run_id = json.loads(connected.here("status", "--json"))[0]["run_id"]

    for text in (
        reported,
        *(connected.here(*words) for words in (["status", run_id], ["report", run_id], ["status"])),
    ):
        assert not too_long(text)
    assert "ValueError: the input is not what it was" in reported


def test_lines_keep_their_indentation_and_long_words() -> None:
    path = "/a/path/" + "that/goes/on/" * 8
    text = f"  note: {path} cannot be read, and there is more to say of it than fits.\nshort"

    assert wrapped(text, 60) == (
        f"  note:\n    {path}\n    cannot be read, and there is more to say of it than\n    fits.\nshort"
    )


def test_warnings_of_the_library_are_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    message = "Left out of the upload: %s"
    record = logging.LogRecord("dara_dagster", logging.WARNING, "", 1, message, ("a b " * 40,), None)

    WrappedLog().emit(record)

    lines = capsys.readouterr().err.splitlines()
    assert (
        len(lines) > 1
        and lines[0].startswith("Left out of the upload: a b")
        and not too_long("\n".join(lines))
    )
