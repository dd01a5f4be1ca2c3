"""Server and engine together: real notebooks, scripts and SQL on Spark, submitted through the SDK."""

from __future__ import annotations

import zipfile
from io import BytesIO

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.compute import ClusterSpec, Environment, Library, MavenLibrary

from tests.emulator.driving import notebook, put_file, put_notebook, result, submit, tasks_of, wait

ENVIRONMENT = jobs.JobEnvironment(environment_key="e", spec=Environment(environment_version="4"))

WRITE = """# Databricks notebook source
rows = int(dbutils.widgets.get("rows"))
spark.range(rows).write.mode("overwrite").saveAsTable("main.default.numbers")
dbutils.jobs.taskValues.set("written", rows)
dbutils.notebook.exit(str(rows))
"""

COUNT = """
import sys
from databricks.sdk.runtime import spark
print("counted", spark.table("main.default.numbers").count(), sys.argv[1:])
"""

SQL = "CREATE OR REPLACE TABLE main.default.top AS SELECT * FROM main.default.numbers WHERE id >= :least"

CALL = """# Databricks notebook source
first = dbutils.notebook.run("./inner", 0, {"x": "1"})
dbutils.notebook.exit(first + "!")
"""


def test_tasks_of_all_kinds_share_tables(client: WorkspaceClient) -> None:
    warehouse = client.warehouses.create(name="w", cluster_size="2X-Small").response.id or ""
    put_notebook(client, "/Shared/write", WRITE)
    put_file(client, "/Shared/count.py", COUNT)
    put_file(client, "/Shared/top.sql", SQL)
    put_notebook(client, "/Shared/call", CALL)
    put_notebook(client, "/Shared/inner", "dbutils.notebook.exit('got ' + dbutils.widgets.get('x'))")
    script = jobs.SparkPythonTask(
        python_file="/Workspace/Shared/count.py", parameters=["{{tasks.write.values.written}}"]
    )
    file = jobs.SqlTaskFile(path="/Workspace/Shared/top.sql")
    sql = jobs.SqlTask(warehouse_id=warehouse, file=file, parameters={"least": "3"})
    after = [jobs.TaskDependency(task_key="write")]
    run_id = submit(
        client,
        notebook("write", path="/Shared/write", parameters={"rows": "5"}),
        jobs.SubmitTask(task_key="count", spark_python_task=script, environment_key="e", depends_on=after),
        jobs.SubmitTask(task_key="top", sql_task=sql, depends_on=after),
        notebook("call", path="/Shared/call"),
        environments=[ENVIRONMENT],
    )
    run = wait(client, run_id)
    messages = {key: task.state and task.state.state_message for key, task in tasks_of(run).items()}
    assert result(run) == "TERMINATED/SUCCESS", messages
    outputs = {key: client.jobs.get_run_output(task.run_id or 0) for key, task in tasks_of(run).items()}
    assert outputs["write"].notebook_output == jobs.NotebookOutput(result="5", truncated=False)
    assert "counted 5 ['5']" in (outputs["count"].logs or "")
    assert outputs["call"].notebook_output == jobs.NotebookOutput(result="got 1!", truncated=False)
    put_notebook(client, "/Shared/check", "dbutils.notebook.exit(spark.table('main.default.top').count())")
    checked = wait(client, submit(client, notebook("check", path="/Shared/check")))
    found = client.jobs.get_run_output(tasks_of(checked)["check"].run_id or 0)
    assert found.notebook_output == jobs.NotebookOutput(result="2", truncated=False)


def test_a_failing_notebook_shows_its_error(client: WorkspaceClient) -> None:
    put_notebook(client, "/Shared/bad", "x = 1\nraise ValueError('no rows')")
    run = wait(client, submit(client, notebook("bad", path="/Shared/bad")))
    assert result(run) == "INTERNAL_ERROR/FAILED"
    found = client.jobs.get_run_output(tasks_of(run)["bad"].run_id or 0)
    assert found.error == "ValueError: no rows"
    assert "raise ValueError" in (found.error_trace or "")


def _wheel(module: str, code: str) -> bytes:
    """A wheel `paint` with one module and a console script `go`."""
    info = "paint-1.0.dist-info"
    files = {
        f"{module}.py": code,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: paint\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\ngo = {module}:main\n",
        f"{info}/RECORD": "",
    }
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_a_library_for_the_jvm_is_refused_by_name(client: WorkspaceClient) -> None:
    put_notebook(client, "/Shared/plain", "print(1)")
    cluster = ClusterSpec(spark_version="16.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)
    task = jobs.SubmitTask(
        task_key="a",
        notebook_task=jobs.NotebookTask(notebook_path="/Shared/plain"),
        new_cluster=cluster,
        libraries=[Library(maven=MavenLibrary(coordinates="a:b:1"))],
    )
    run = wait(client, submit(client, task))
    state = tasks_of(run)["a"].state
    assert state is not None and "A maven library is not supported by the local" in (
        state.state_message or ""
    )
    assert result(run) == "INTERNAL_ERROR/FAILED"


def test_a_wheel_from_a_volume(client: WorkspaceClient) -> None:
    client.volumes.create("main", "default", "wheels", VolumeType.MANAGED)
    path = "/Volumes/main/default/wheels/paint-1.0-py3-none-any.whl"
    client.files.upload(path, BytesIO(_wheel("paint", "import sys\ndef main():\n    print(sys.argv[1:])\n")))
    environment = jobs.JobEnvironment(
        environment_key="e", spec=Environment(environment_version="4", dependencies=[path])
    )
    wheel = jobs.PythonWheelTask(package_name="paint", entry_point="go", named_parameters={"color": "red"})
    task = jobs.SubmitTask(task_key="a", python_wheel_task=wheel, environment_key="e")
    run = wait(client, submit(client, task, environments=[environment]))
    output = client.jobs.get_run_output(tasks_of(run)["a"].run_id or 0)
    assert (result(run), output.error, output.logs) == ("TERMINATED/SUCCESS", None, "['--color=red']\n")
