"""Task processes: what they are given and what comes back. The engine here is plain Python."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.compute import ClusterSource, ClusterSpec, Environment, State

from tests.conftest import Emulator
from tests.emulator.driving import (
    code,
    exit_value,
    life_cycle,
    notebook,
    output,
    put_file,
    put_notebook,
    result,
    run_code,
    submit,
    tasks_of,
    wait,
)


@pytest.fixture
def client(stub_server: Emulator, workspace_token: str) -> WorkspaceClient:
    return stub_server.client(workspace_token)


def test_a_notebook_gets_its_parameters_and_gives_its_value(client: WorkspaceClient) -> None:
    run = run_code(
        client,
        "import json; answer(json.dumps([spec['parameters'], spec['kind'], spec['path'], spec['task_key']]))",
        parameters={"day": "monday", "id": "{{job.run_id}}", "text": "{{ not.a.reference }}"},
    )
    parameters = {"day": "monday", "id": str(run.run_id), "text": "{{ not.a.reference }}"}
    assert exit_value(client, run) == [parameters, "notebook", "/Shared/nb", "a"]
    assert result(run) == "TERMINATED/SUCCESS"


def test_what_every_task_is_given(
    stub_server: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="hush")
    run = run_code(client, "import json; answer(json.dumps([spec, json.load(open(spec['secrets']))]))")
    spec, secrets = exit_value(client, run)
    assert secrets == {"s": {"k": "aHVzaA=="}}
    assert (spec["run_id"], spec["job_run_id"], spec["job_id"]) == (
        tasks_of(run)["a"].run_id,
        run.run_id,
        run.job_id,
    )
    assert (spec["host"], spec["token"], spec["user"]) == (
        stub_server.host,
        workspace_token,
        "developer@localhost",
    )
    assert Path(spec["tables"]).name == "tables"
    assert Path(spec["workspace"], "Shared").is_dir()
    left = {file.name for file in Path(spec["log"]).parent.iterdir()}
    assert left == {"log.txt", "result.json"}, "files with the token or secrets are gone"


def test_a_raising_notebook(client: WorkspaceClient) -> None:
    run = run_code(client, "raise ValueError('no rows')")
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "RUN_EXECUTION_ERROR")
    assert result(tasks_of(run)["a"]) == "TERMINATED/FAILED"
    found = output(client, run)
    assert found.error == "ValueError: no rows"
    assert "Traceback" in (found.error_trace or "")


def test_a_missing_notebook(client: WorkspaceClient) -> None:
    run = wait(client, submit(client, notebook("k", path="/Shared/none")))
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "RESOURCE_NOT_FOUND")
    assert result(tasks_of(run)["k"]) == "INTERNAL_ERROR/FAILED"
    assert run.state is not None
    assert run.state.state_message == (
        'Task k failed with message: Unable to access the notebook "/Shared/none" in the workspace. Either it'
        " does not exist, or the identity used to run this job, developer@localhost, lacks the required"
        " permissions."
    )
    assert run.execution_duration == 0


def script(key: str, path: str, *parameters: str) -> jobs.SubmitTask:
    task = jobs.SparkPythonTask(python_file=path, parameters=list(parameters))
    return jobs.SubmitTask(task_key=key, spark_python_task=task, environment_key="e")


ENVIRONMENT = jobs.JobEnvironment(environment_key="e", spec=Environment(environment_version="4"))


def test_a_script_and_its_log(client: WorkspaceClient) -> None:
    put_file(
        client, "/Shared/s.py", "import sys; print('out', spec['parameters']); print('err', file=sys.stderr)"
    )
    run = wait(
        client, submit(client, script("a", "/Workspace/Shared/s.py", "x", "y"), environments=[ENVIRONMENT])
    )
    found = output(client, run)
    assert sorted((found.logs or "").splitlines()) == ["err", "out ['x', 'y']"]
    assert (found.logs or "").endswith("\n")
    assert not found.logs_truncated


def test_logs_keep_their_last_five_megabytes(client: WorkspaceClient) -> None:
    put_file(client, "/Shared/s.py", "print('a' * 6_000_000); print('end')")
    run = wait(client, submit(client, script("a", "/Shared/s.py"), environments=[ENVIRONMENT]))
    found = output(client, run)
    assert found.logs_truncated
    assert len(found.logs or "") == 5_000_000
    assert (found.logs or "").endswith("aa\nend\n")


def test_a_script_in_a_volume(stub_server: Emulator, client: WorkspaceClient) -> None:
    client.volumes.create("main", "default", "code", VolumeType.MANAGED)
    client.files.upload("/Volumes/main/default/code/s.py", BytesIO(b"print('from a volume')"))
    task = script("a", "/Volumes/main/default/code/s.py")
    run = wait(client, submit(client, task, environments=[ENVIRONMENT]))
    assert output(client, run).logs == "from a volume\n"


@pytest.mark.parametrize("path", ["/Shared/none.py", "/Shared/nb", "/Volumes/a/b/c/none.py", "dbfs:/x.py"])
def test_a_script_that_is_missing_or_a_notebook(client: WorkspaceClient, path: str) -> None:
    put_notebook(client, "/Shared/nb", "1")
    run = wait(client, submit(client, script("a", path), environments=[ENVIRONMENT]))
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "RESOURCE_NOT_FOUND")
    assert run.state is not None
    message = (run.state.state_message or "").removeprefix("Task a failed with message: ")
    assert message.startswith(f"Cannot read the python file {path}.")


def test_a_kind_that_cannot_run_here_says_so(client: WorkspaceClient) -> None:
    pipeline = jobs.SubmitTask(task_key="p", pipeline_task=jobs.PipelineTask(pipeline_id="1"))
    run = wait(client, submit(client, pipeline))
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "FEATURE_DISABLED")
    assert run.state is not None
    assert "cannot run a pipeline_task" in (run.state.state_message or "")


def test_the_cluster_is_started_first(client: WorkspaceClient) -> None:
    made = client.clusters.create(spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)
    cluster_id = made.response.cluster_id or ""
    client.clusters.delete(cluster_id).result()
    put_notebook(client, "/Shared/nb", "answer(repr(spec['cluster_id']).replace(chr(39), chr(34)))")
    run_id = submit(client, notebook("a", existing_cluster_id=cluster_id))
    assert life_cycle(client.jobs.get_run(run_id)) == "PENDING"
    run = wait(client, run_id)
    assert exit_value(client, run) == cluster_id
    assert client.clusters.get(cluster_id).state == State.RUNNING
    instance = tasks_of(run)["a"].cluster_instance
    assert instance is not None
    assert instance.cluster_id == cluster_id


NEW_CLUSTER = ClusterSpec(
    spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1, spark_env_vars={"STAGE": "dev"}
)


def test_a_cluster_of_its_own_ends_with_the_task(client: WorkspaceClient) -> None:
    text = "import json; answer(json.dumps([spec['cluster_id'], spec['env']]))"
    run = run_code(client, text, new_cluster=NEW_CLUSTER)
    cluster_id, env = exit_value(client, run)
    assert env == {"STAGE": "dev"}
    found = client.clusters.get(cluster_id)
    assert (found.cluster_source, found.cluster_name) == (
        ClusterSource.JOB,
        f"job-{run.job_id}-run-{tasks_of(run)['a'].run_id}",
    )
    assert found.state in (State.TERMINATING, State.TERMINATED)


def test_a_job_cluster_is_shared_and_ends_with_the_run(client: WorkspaceClient) -> None:
    put_notebook(client, "/Shared/nb", "import json; answer(json.dumps(spec['cluster_id']))")
    task = jobs.NotebookTask(notebook_path="/Shared/nb")
    tasks = [jobs.Task(task_key=key, notebook_task=task, job_cluster_key="one") for key in "ab"]
    shared = jobs.JobCluster(job_cluster_key="one", new_cluster=NEW_CLUSTER)
    job_id = client.jobs.create(name="j", tasks=tasks, job_clusters=[shared]).job_id
    run = wait(client, client.jobs.run_now(job_id or 0).run_id or 0)
    used = {exit_value(client, run, key) for key in "ab"}
    assert len(used) == 1
    assert client.clusters.get(used.pop()).state in (State.TERMINATING, State.TERMINATED)


def test_job_parameters_beat_those_of_the_task(client: WorkspaceClient) -> None:
    put_notebook(client, "/Shared/nb", "import json; answer(json.dumps(spec['parameters']))")
    notebook_task = jobs.NotebookTask(
        notebook_path="/Shared/nb", base_parameters={"day": "task", "own": "{{job.parameters.day}}"}
    )
    job_id = client.jobs.create(
        name="j",
        tasks=[jobs.Task(task_key="a", notebook_task=notebook_task)],
        parameters=[jobs.JobParameterDefinition(name="day", default="default")],
    ).job_id
    run = wait(client, client.jobs.run_now(job_id or 0, job_parameters={"day": "sent"}).run_id or 0)
    assert exit_value(client, run) == {"day": "sent", "own": "sent"}


def test_an_unknown_reference_fails_the_run(client: WorkspaceClient) -> None:
    run = run_code(client, "1", parameters={"x": "{{job.naem}}"})
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "INVALID_RUN_CONFIGURATION")


def test_a_retried_notebook_runs_again(client: WorkspaceClient, tmp_path: Path) -> None:
    flag = str(tmp_path / "flag")
    text = (
        f"import pathlib; p = pathlib.Path({flag!r}); seen = p.exists(); p.touch(); assert seen, 'first time'"
    )
    run = run_code(client, text, max_retries=1)
    assert [result(task) for task in run.tasks or []] == ["TERMINATED/FAILED", "TERMINATED/SUCCESS"]


def test_an_unknown_cluster_fails_the_run(client: WorkspaceClient) -> None:
    run = wait(client, submit(client, notebook("a", existing_cluster_id="0101-000000-abcdefgh")))
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "INVALID_CLUSTER_REQUEST")
