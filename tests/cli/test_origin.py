"""The code location that a run from a terminal belongs to, where the project's files leave room for doubt."""

from __future__ import annotations

from collections.abc import Callable

from dagster import DagsterInstance

from tests.cli.conftest import Project


def ran(project: Project) -> str:
    """Run the workflow; the label of the repository that the run belongs to, "" for none."""
    run_id = project.json("run", "daily")["run_id"]
    with DagsterInstance.from_config(str(project.root / ".dagster")) as instance:
        run = instance.get_run_by_id(run_id)
    assert run is not None
    label = run.remote_job_origin.repository_origin.get_label() if run.remote_job_origin else ""
    assert run.tags.get(".dagster/repository", "") == label
    assert run.tags.get("dagster/code_location", "") == label.partition("@")[2]
    return label


def test_without_a_workspace_file_it_is_what_dara_serve_loads(
    connected: Project, simulate: Callable[..., None]
) -> None:
    simulate(duration_ms=10)

    assert ran(connected) == "__repository__@served.py"


def test_of_several_code_locations_it_is_the_one_that_ran_the_project_before(
    connected: Project, simulate: Callable[..., None]
) -> None:
    simulate(duration_ms=10)
    connected.write("workspace.yaml", {"load_from": [{"python_module": "mine"}]})
    assert ran(connected) == "__repository__@mine"

    connected.write("workspace.yaml", {"load_from": [{"python_module": "theirs"}, {"python_module": "mine"}]})
    assert ran(connected) == "__repository__@mine"

    connected.write("workspace.yaml", {"load_from": [{"python_module": "these"}, {"python_module": "those"}]})
    assert ran(connected) == ""


def test_a_pyproject_names_the_code_location_too(connected: Project, simulate: Callable[..., None]) -> None:
    simulate(duration_ms=10)
    connected.write("pyproject.toml", '[tool.dagster]\nmodule_name = "flights.definitions"\n')

    assert ran(connected) == "__repository__@flights.definitions"
