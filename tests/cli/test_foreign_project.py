"""Projects as they were before: the original definitions deployed and run, and the original folder layout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from tests.cli.conftest import NOTEBOOK, Project
from tests.cli.test_rendering import DEFINITIONS, ORIGINALS, PARAMETERS
from tests.support.waiting import PATIENCE

DEPENDENCY = '''"""The tasks of the project."""

dependency = [
    {"file_name": "extract", "format": "py", "dependent_on": [], "compute_name": "etl cluster"},
    {"file_name": "load", "format": "py", "dependent_on": ["extract"], "compute_name": "etl cluster"},
    {"file_name": "totals", "format": "sql", "dependent_on": ["load"], "compute_name": "bi"},
]
'''


def test_the_original_definitions_are_deployed_and_run(
    connected: Project, client: WorkspaceClient, simulate: Callable[..., None]
) -> None:
    connected.write("config/parameters.json", (ORIGINALS / PARAMETERS).read_text())
    for name in DEFINITIONS:
        shutil.copy(ORIGINALS / name, connected.write(f"config/workflows/{name}", ""))
        for step in _steps(ORIGINALS / name):
            connected.write(f"config/notebooks/{step}.py", NOTEBOOK)
    assert connected.json("validate")["ok"]

    done = connected.json("deploy", *(name.removesuffix(".json") for name in DEFINITIONS))["jobs"]

    assert [each["action"] for each in done] == ["create"] * 6
    # Through Dagster the one without WAIT_TIME_SECONDS: each of the others is waited for as it says.
    assert "demo_pipeline_composer on databricks: success" in connected.dara("run", "demo_pipeline_composer")
    simulate(duration_ms=10)
    runs = [client.jobs.run_now(each["job_id"]) for each in done]
    for run, name in zip(runs, DEFINITIONS, strict=True):
        ended = run.result(timeout=timedelta(seconds=PATIENCE))
        assert ended.state is not None and ended.state.result_state == jobs.RunResultState.SUCCESS
        assert len(ended.tasks or []) == len(_steps(ORIGINALS / name))


def test_the_original_folder_layout_runs_as_it_is(connected: Project, client: WorkspaceClient) -> None:
    """The dependency file beside config/, the notebooks where project.json says; started from below."""
    shutil.rmtree(connected.root / "config")
    cluster = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": "1"}
    clusters = {"etl cluster": cluster}
    connected.write("config/cluster_config.json", clusters)
    connected.write(
        "config/warehouse_config.json", {"bi": {"cluster_size": "2X-Small", "auto_stop_mins": "10"}}
    )
    connected.write("config/project.json", {"name": "foreign", "notebooks": "../etl/notebooks"})
    connected.write("Task_dependecy/dependency.py", DEPENDENCY)
    for name in ("extract", "load"):
        connected.write(f"etl/notebooks/{name}.py", NOTEBOOK)
    connected.write("etl/notebooks/totals.sql", "SELECT 1 AS total")
    below = connected.root / "etl"
    command = [sys.executable, "-m", "dara_dagster.cli", "run"]
    done = subprocess.run(command, cwd=below, env=connected.environ, capture_output=True, text=True)
    assert done.returncode == 0 and "success in " in done.stdout, done.stdout + done.stderr

    assert connected.here("validate").endswith("config: 1 workflow, 3 tasks, OK\n")
    connected.here("deploy")
    (job,) = client.jobs.list()
    assert job.settings is not None and job.settings.name == "foreign"


def _steps(definition: Path) -> list[str]:
    levels = json.loads(definition.read_text())["definition"]
    threads = [thread for level in levels for thread in level["THREADS"]]
    return [step["JOB_NAME"] for thread in threads for step in thread["STEPS"]]
