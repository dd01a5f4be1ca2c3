"""Which parameters a run may be given."""

from __future__ import annotations

from typing import Any

import pytest

from dara_dagster.config.run_parameters import check_parameters, declared_parameters, wrong_parameter
from dara_dagster.errors import DaraError
from tests.config.conftest import Project, entry

UPLOAD = {"uses": "upload_file", "settings": {"to": "/Volumes/main/default/${context.folder}/"}}


def wrong(project: Project, name: str, **workflow: Any) -> str | None:
    project.files("a.py").write("workflows/w.json", workflow)
    plan = project.plan()
    return wrong_parameter(plan, plan.workflows[0], name)


@pytest.mark.parametrize(
    ("name", "workflow"),
    [
        ("day", {"tasks": [entry(parameters={"day": "1"})]}),
        ("day", {"tasks": [entry()], "parameters": {"day": "1"}}),
        ("any", {"tasks": [entry()], "extra_parameters": True}),
        ("file_path", {"tasks": [entry()], "sensor": {"folder": "inbox"}}),
        ("file", {"steps": [UPLOAD]}),
        ("folder", {"steps": [UPLOAD]}),
        ("any", {"steps": [UPLOAD, {"uses": "my_steps:Own"}]}),
        ("any", {"steps": [UPLOAD], "context": "my_steps:Typed"}),
    ],
)
def test_names_that_are_taken(project: Project, name: str, workflow: dict[str, Any]) -> None:
    assert wrong(project, name, **workflow) is None


@pytest.mark.parametrize(
    ("name", "workflow", "words"),
    [
        ("form_date", {"tasks": [entry(parameters={"from_date": "1"})]}, "Did you mean 'from_date'?"),
        ("day", {"tasks": [entry()]}, "No parameters are declared."),
        ("file_path", {"tasks": [entry(parameters={"day": "1"})]}, "Known parameters: day."),
        ("folde", {"steps": [UPLOAD]}, "Did you mean 'folder'?"),
    ],
)
def test_names_that_are_refused(project: Project, name: str, workflow: dict[str, Any], words: str) -> None:
    reported = wrong(project, name, **workflow)
    assert reported is not None and words in reported and '"extra_parameters": true' in reported


def test_all_wrong_names_are_reported_at_once(project: Project) -> None:
    project.files("a.py").write("workflows/w.json", {"tasks": [entry(parameters={"day": "1"})]})
    plan = project.plan()
    with pytest.raises(DaraError, match=r"(?s)'dya'.*'dais'"):
        check_parameters(plan, plan.workflows[0], ["dya", "day", "dais"])
    assert declared_parameters(plan, plan.workflows[0]) == {"day": "1"}
