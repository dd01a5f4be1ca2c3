"""`dara app init`: files that Databricks Apps and its bundles take, and files of the user's that stay."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from dara_dagster.cli.commands import app_init as databricks_app
from tests.cli.conftest import Project, project

__all__ = ["project"]

FILES = ["app.yaml", "databricks.yml", "dagster_home/dagster.yaml", "requirements.txt", ".env.example"]


def read(project: Project, name: str) -> Any:
    return yaml.safe_load((project.root / name).read_text())


def faults_of_app(app: Any) -> list[str]:
    """What is wrong with an app.yaml by https://docs.databricks.com/aws/en/dev-tools/databricks-apps/app-runtime"""
    faults = [f"unknown key {key}" for key in app if key not in ("command", "env")]
    command = app.get("command", [])
    if not isinstance(command, list) or not all(isinstance(part, str) for part in command):
        faults.append("command is no list of texts")
    for entry in app.get("env", []):
        if not isinstance(entry.get("name"), str) or len(entry) != 2:
            faults.append(f"{entry}: a name and one of value and valueFrom")
        elif not isinstance(entry.get("value", entry.get("valueFrom")), str):
            faults.append(f"{entry}: no text")
    return faults


def test_the_check_of_an_app_file_finds_faults() -> None:
    wrong = {"command": "dara serve", "port": 1, "env": [{"name": "A"}, {"name": "B", "value": 1}]}
    assert len(faults_of_app(wrong)) == 4


def test_it_writes_files_as_documented_that_fit_each_other(project: Project) -> None:
    reported = project.json("app", "init")

    assert reported["files"] == dict.fromkeys(FILES, "written")
    app, bundle = read(project, "app.yaml"), read(project, "databricks.yml")
    assert faults_of_app(app) == []
    assert app["command"][:2] == ["dara", "serve"]
    (resource,) = bundle["resources"]["apps"].values()
    assert set(resource) == {"name", "description", "source_code_path", "resources"}
    assert bundle["bundle"]["name"] == resource["name"] == "dara-tiny"
    declared = {each["name"]: each for each in resource["resources"]}
    assert {entry["valueFrom"] for entry in app["env"] if "valueFrom" in entry} == set(declared)
    database = declared["postgres"]["postgres"]
    used = {text.removeprefix("${var.").rstrip("}") for text in database.values() if "var." in text}
    assert used == set(bundle["variables"])
    _check_with_the_sdk(resource)


def _check_with_the_sdk(resource: dict[str, Any]) -> None:
    """The keys are those of the Apps API."""
    from databricks.sdk.service.apps import App

    wanted = {key: value for key, value in resource.items() if key != "source_code_path"}
    assert App.from_dict(wanted).as_dict() == wanted


def test_the_home_it_writes_is_one_that_dagster_takes(project: Project) -> None:
    project.json("app", "init")
    home = read(project, "dagster_home/dagster.yaml")
    assert home["storage"]["custom"]["class"] == "LakebaseStorage"

    # The command of the app gets as far as the database, which is not there.
    project.environ |= {"DATABRICKS_APP_NAME": "dara", "DATABRICKS_APP_PORT": "0"}
    reported = project.dara(*read(project, "app.yaml")["command"][1:], "--port", "0", code=1)
    assert "dagster_home/dagster.yaml" in reported
    assert "PGHOST and PGUSER and PGDATABASE must be set" in reported


def test_files_of_the_user_are_kept_unless_forced(project: Project) -> None:
    project.write("app.yaml", "command: [mine]\n")
    project.write("requirements.txt", "pandas\n")

    reported = project.here("app", "init")
    assert "kept       app.yaml" in reported and "--force" in reported
    assert (project.root / "requirements.txt").read_text() == "pandas\n"
    assert read(project, "app.yaml") == {"command": ["mine"]}
    assert project.json("app", "init")["files"]["databricks.yml"] == "unchanged"

    assert project.json("app", "init", "--force")["files"]["app.yaml"] == "written"
    assert read(project, "app.yaml")["command"][0] == "dara"


def test_a_name_no_app_can_have_is_refused(project: Project) -> None:
    for wrong in ("Dara", "a b", "-a", "x" * 31, "a\n"):
        assert "the name of an app is 2 to 30" in project.here("app", "init", "--name", wrong, code=1)
    assert not (project.root / "app.yaml").exists()
    project.json("app", "init", "--name", "my-app")
    assert list(read(project, "databricks.yml")["resources"]["apps"]) == ["my_app"]


@pytest.mark.parametrize(
    ("project_name", "name"),
    [("Flüge 2013!", "dara-fl-ge-2013"), ("x" * 60, "dara-" + "x" * 25), ("ü", "dara")],
)
def test_the_app_is_called_after_the_project(project_name: str, name: str) -> None:
    assert databricks_app._app_name(project_name) == name


def test_a_folder_in_the_place_of_a_file_is_reported(project: Project) -> None:
    Path(project.root / "app.yaml").mkdir()
    assert "app.yaml cannot be written: Is a directory." in project.here("app", "init", code=1)


def test_text_for_people_fits_a_terminal(project: Project) -> None:
    project.own["COLUMNS"] = "80"
    assert all(len(line) <= 80 for line in io.StringIO(project.here("app", "init")))
