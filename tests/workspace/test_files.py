"""Files on the emulator: sent once, again after a change on either side, to volumes whole."""

from __future__ import annotations

import json
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dara_dagster.config.models import Entry, WorkflowOptions
from dara_dagster.config.plan import Plan, TaskPlan, WorkflowPlan
from dara_dagster.errors import FileError
from dara_dagster.tasks.files import with_default_tables
from dara_dagster.workspace.calls import api
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.files import FileSync, upload_to_volume
from tests.conftest import Emulator
from tests.workspace.conftest import Admin

ROOT = "/Workspace/Shared/dara/tests"
NOTEBOOK = "# Databricks notebook source\nprint(1)\n"
COMMAND = "// COMMAND ----------"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notebooks"
    (folder / "lib").mkdir(parents=True)
    (folder / "daily.py").write_text(NOTEBOOK)
    (folder / "load.py").write_text("print('script')\n")
    (folder / "marts.sql").write_text("SELECT 1;\n")
    cell = {"cell_type": "code", "source": ["1"], "metadata": {}, "outputs": [], "execution_count": None}
    (folder / "explore.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    (folder / "shared.py").write_text("# Databricks notebook source\nx = 1\n")
    (folder / "lib" / "names.py").write_text("A = 1\n")
    (folder / "lib" / "__pycache__").mkdir()
    (folder / "lib" / "__pycache__" / "names.pyc").write_bytes(b"\0")
    (folder / ".hidden").write_text("x")
    return folder


@pytest.fixture
def plan(folder: Path) -> Plan:
    kinds = {"daily.py": "notebook", "load.py": "script", "marts.sql": "sql", "explore.ipynb": "notebook"}
    tasks = []
    for name, kind in kinds.items():
        file = folder / name
        remote = f"{ROOT}/{file.stem if kind == 'notebook' else name}"
        tasks.append(TaskPlan(file.stem, file.stem, kind, Entry(), file=file, remote_file=remote))  # type: ignore[arg-type]
    flow = WorkflowPlan("flow", folder / "flow.json", WorkflowOptions(), tasks=tuple(tasks))
    return Plan("tests", folder.parent, folder.parent, "emulator", folder, ROOT, {}, {}, (flow,))


def imports(emulator: Emulator, token: str) -> int:
    calls = emulator.admin("GET", "stats", token=token)["calls"]
    return int(calls.get("POST /api/2.0/workspace/import", 0))


def tree(workspace: Workspace, path: str = ROOT) -> dict[str, str]:
    listed = api(workspace, "GET", "/api/2.0/workspace/list", query={"path": path})
    return {item["path"].rpartition("/")[2]: item["object_type"] for item in listed["objects"]}


def test_every_file_arrives_in_its_form(workspace: Workspace, plan: Plan) -> None:
    assert FileSync(workspace, plan).sync_all() == 6
    assert tree(workspace) == {
        "daily": "NOTEBOOK",
        "load.py": "FILE",
        "marts.sql": "FILE",
        "explore": "NOTEBOOK",
        "shared": "NOTEBOOK",
        "lib": "DIRECTORY",
        ".dara-files.json": "FILE",
    }
    assert tree(workspace, f"{ROOT}/lib") == {"names.py": "FILE"}
    with workspace.client.workspace.download(f"{ROOT}/load.py") as content:
        assert content.read() == b"print('script')\n"


def test_nothing_is_sent_again_by_anyone_until_it_changes(
    emulator: Emulator, workspace: Workspace, workspace_token: str, plan: Plan, folder: Path
) -> None:
    tasks = plan.workflows[0].tasks
    sync = FileSync(workspace, plan)
    assert sync.ensure(tasks[0], tasks) == f"{ROOT}/daily"
    sent = imports(emulator, workspace_token)
    assert sent == 5  # the files of four tasks and the manifest: what else lies there is in none of them
    assert sync.ensure(tasks[0]) == FileSync(workspace, plan).ensure(tasks[0], tasks)
    assert FileSync(workspace, plan).sync(tasks) == 0 and imports(emulator, workspace_token) == sent
    (folder / "daily.py").write_text(NOTEBOOK + "print(2)\n")
    sync.ensure(tasks[0], tasks)
    assert imports(emulator, workspace_token) == sent + 2
    (folder / "daily.py").touch()
    sync.ensure(tasks[0], tasks)
    assert imports(emulator, workspace_token) == sent + 2, "saved anew, but with the same content"


def test_what_somebody_changed_in_the_workspace_is_sent_again(workspace: Workspace, plan: Plan) -> None:
    FileSync(workspace, plan).sync_all()
    body = {"path": f"{ROOT}/daily", "format": "SOURCE", "language": "PYTHON", "overwrite": True}
    api(workspace, "POST", "/api/2.0/workspace/import", body={**body, "content": "cHJpbnQoOSk="})
    assert FileSync(workspace, plan).sync_all() == 1
    with workspace.client.workspace.download(f"{ROOT}/daily") as content:
        assert b"print(1)" in content.read()
    workspace.client.workspace.delete(f"{ROOT}/marts.sql")
    assert FileSync(workspace, plan).sync_all() == 1 and "marts.sql" in tree(workspace)


def test_a_notebook_takes_the_place_of_a_file(workspace: Workspace, plan: Plan) -> None:
    workspace.client.workspace.mkdirs(ROOT)
    body = {"path": f"{ROOT}/daily", "format": "RAW", "content": "eA=="}
    api(workspace, "POST", "/api/2.0/workspace/import", body=body)
    FileSync(workspace, plan).sync_all()
    assert tree(workspace)["daily"] == "NOTEBOOK"


def test_the_project_s_catalog_and_schema_stand_at_the_head() -> None:
    notebook = with_defaults(NOTEBOOK.encode(), "a.py", "main", "silver").decode().splitlines()
    assert notebook == [
        "# Databricks notebook source",
        "# Defaults of the project:",
        'spark.sql("USE CATALOG `main`")',
        'spark.sql("USE SCHEMA `silver`")',
        "",
        "# COMMAND ----------",
        "print(1)",
    ]
    assert (
        with_defaults(b"SELECT 1", "a.sql", None, "`s`")
        == b"-- Defaults of the project:\nUSE SCHEMA `s`;\nSELECT 1"
    )
    for form, catalog in (("a.txt", "main"), ("a.py", None), ("a.ipynb", "main"), ("a.py", None)):
        assert with_defaults(b"x", form, catalog, None) == b"x"
    scala = with_defaults(b"// Databricks notebook source\n1", "a.scala", "main", None).decode().splitlines()
    assert scala[1::2] == ["// MAGIC %python", '// MAGIC spark.sql("USE CATALOG `main`")', COMMAND]


def with_defaults(content: bytes, file: str, catalog: str | None, schema: str | None) -> bytes:
    return with_default_tables(Path(file), content, catalog, schema, is_task=True)


def _ran(code: str, name: str = "__main__") -> list[str]:
    """What the code asks of `spark.sql`, run as the module `name`."""
    asked: list[str] = []
    spark = SimpleNamespace(sql=asked.append)
    builder = SimpleNamespace(getOrCreate=lambda: spark)
    module = ModuleType("pyspark.sql")
    module.SparkSession = SimpleNamespace(builder=builder)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyspark.sql", module)
        exec(compile(code, "code", "exec", dont_inherit=True), {"__name__": name, "spark": spark})
    return asked


@pytest.mark.parametrize("name", ["it's", 'a"b', "back\\slash", "tick`s", "größe", "${x}", "{0}%s"])
def test_any_name_of_a_catalog_makes_a_cell_that_runs(name: str) -> None:
    wanted = [f"USE CATALOG `{name.replace('`', '``')}`", "USE SCHEMA `s`"]
    assert _ran(with_defaults(NOTEBOOK.encode(), "a.py", name, "s").decode()) == wanted
    assert _ran(with_defaults(b"import os\n", "a.py", name, "s").decode()) == wanted
    cells = [{"cell_type": "code", "source": ["x = 1"]}]
    for minor, language in ((5, "python"), (2, "scala")):
        metadata = {"kernelspec": {"language": language}}
        notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
        made = json.loads(with_defaults(json.dumps(notebook).encode(), "a.ipynb", name, "s"))
        assert made["cells"][1:] == cells and ("id" in made["cells"][0]) is (minor == 5)
        magic, _, code = made["cells"][0]["source"].rpartition("%python")
        assert _ran(code) == wanted and (magic, "%python" in made["cells"][0]["source"]) == (
            "",
            language == "scala",
        )


@pytest.mark.parametrize(
    "code",
    [
        '#!/usr/bin/env python\n"""Text."""\nfrom __future__ import annotations\n\nx: Nothing = 1\n',
        "@staticmethod\ndef f(): ...\n",
        "# only a comment",
        "",
        '"""Text"""; import os\nfrom os import path\n',
    ],
)
def test_a_script_chooses_the_defaults_before_its_first_statement(code: str) -> None:
    made = with_defaults(code.encode(), "a.py", "main", None).decode()
    assert _ran(made) == ["USE CATALOG `main`"]
    assert _ran(made, "scr") == [], "imported by another file, it chooses nothing"
    assert with_defaults(b"\xef\xbb\xbfdef :", "a.py", "main", None) == b"\xef\xbb\xbfdef :"


def test_a_change_of_the_defaults_sends_the_files_again(workspace: Workspace, plan: Plan) -> None:
    FileSync(workspace, plan).sync_all()
    changed = replace(plan, catalog="main", schema="silver")
    assert FileSync(workspace, changed).sync_all() == 5  # all but the module lib/names.py
    with workspace.client.workspace.download(f"{ROOT}/marts.sql") as content:
        assert content.read().decode().splitlines()[1:] == [
            "USE CATALOG `main`;",
            "USE SCHEMA `silver`;",
            "SELECT 1;",
        ]


def test_many_threads_send_each_file_once(
    emulator: Emulator, workspace: Workspace, workspace_token: str, plan: Plan
) -> None:
    sync, tasks = FileSync(workspace, plan), plan.workflows[0].tasks
    with ThreadPoolExecutor(20) as pool:
        paths = set(pool.map(lambda task: sync.ensure(task, tasks), tasks * 10))
    assert len(paths) == 4 and imports(emulator, workspace_token) == 5


def test_links_are_files_of_their_own_and_may_go_in_circles(
    workspace: Workspace, plan: Plan, folder: Path
) -> None:
    (folder / "twin.py").symlink_to(folder / "daily.py")
    (folder / "lib" / "up").symlink_to(folder)
    (folder / "lib" / "self").symlink_to(folder / "lib")
    twin = TaskPlan("twin", "twin", "notebook", Entry(), file=folder / "twin.py", remote_file=f"{ROOT}/twin")
    flow = replace(plan.workflows[0], tasks=(*plan.workflows[0].tasks, twin))
    assert FileSync(workspace, replace(plan, workflows=(flow,))).sync_all() == 7
    assert tree(workspace)["daily"] == tree(workspace)["twin"] == "NOTEBOOK"
    assert tree(workspace, f"{ROOT}/lib") == {"names.py": "FILE"}


def test_a_file_in_a_folder_of_a_task_s_name_is_left_out(
    workspace: Workspace, plan: Plan, folder: Path
) -> None:
    (folder / "daily" / "sub").mkdir(parents=True)
    (folder / "daily" / "sub" / "names.py").write_text("A = 1\n")
    reported: list[str] = []
    FileSync(workspace, plan, reported.append).sync_all()
    assert tree(workspace)["daily"] == "NOTEBOOK"
    assert (
        len(reported) == 1 and "daily.py and the folder of" in reported[0] and "would both be" in reported[0]
    )


def test_only_what_the_run_s_code_may_reach_is_sent(workspace: Workspace, plan: Plan, folder: Path) -> None:
    (folder / "daily.py").write_text(NOTEBOOK + "# MAGIC %run ./shared\nfrom lib import names\n")
    (folder / "shared.py").write_text("# Databricks notebook source\nopen('rates.csv')\n")
    (folder / "rates.csv").write_text("a,b\n")
    (folder / "unused.py").write_text("# Databricks notebook source\n")
    tasks = plan.workflows[0].tasks[:1]
    FileSync(workspace, plan).ensure(tasks[0], tasks)
    assert tree(workspace).keys() == {"daily", "shared", "rates.csv", "lib", ".dara-files.json"}
    assert tree(workspace, f"{ROOT}/lib") == {"names.py": "FILE"}
    (folder / "daily.py").write_text(NOTEBOOK + "for n in names: dbutils.notebook.run(n, 60)\n")
    FileSync(workspace, plan).ensure(tasks[0], tasks)
    assert {"unused", "load.py"} <= tree(workspace).keys(), "what it calls cannot be known: everything goes"


def test_a_refused_file_of_no_task_is_a_warning_and_one_of_a_task_fails_that_task(
    admin: Admin, workspace: Workspace, plan: Plan, folder: Path
) -> None:
    (folder / "daily.py").write_text(NOTEBOOK + "import names\n")
    (folder / "names.py").write_text("A = 1\n" * 1000)
    tasks = plan.workflows[0].tasks
    reported: list[str] = []
    sync = FileSync(workspace, plan, reported.append)
    with (folder / "load.py").open("ab") as file:
        file.truncate(9 * 1024 * 1024)
    (folder / "explore.ipynb").write_text("{}")
    assert sync.ensure(tasks[0], tasks) == f"{ROOT}/daily"
    explore = next(task for task in tasks if task.name == "explore")
    for _ in range(2):
        with pytest.raises(
            FileError, match=r"explore\.ipynb cannot be uploaded to .* \(POST .*import, 400\)"
        ):
            sync.ensure(explore, tasks)
    assert reported == []
    (folder / "shared.ipynb").write_text("{}")
    (folder / "shared.py").unlink()
    (folder / "daily.py").write_text(NOTEBOOK + "# MAGIC %run ./shared\n")
    assert sync.ensure(tasks[0], tasks) == f"{ROOT}/daily"
    assert [
        line
        for line in reported
        if "shared.ipynb cannot be uploaded" in line and "No task of this run" in line
    ]


def test_without_a_manifest_files_are_only_sent_once_more(
    admin: Admin, workspace: Workspace, plan: Plan, folder: Path
) -> None:
    tasks = plan.workflows[0].tasks
    sync = FileSync(workspace, plan)
    admin.fault("POST", "*/workspace/import", status=403, skip=4)
    assert sync.ensure(tasks[0], tasks) == f"{ROOT}/daily"
    assert ".dara-files.json" not in tree(workspace)
    admin.heal()
    assert FileSync(workspace, plan).sync(tasks) == 4


def test_files_that_cannot_go_are_named(workspace: Workspace, plan: Plan, folder: Path) -> None:
    (folder / "shared.ipynb").write_text("{}")
    reported: list[str] = []
    FileSync(workspace, plan, reported.append).sync_all()
    assert re.search(r"shared\.\w+ and .*shared\.\w+ are the same notebook", reported[0])
    (folder / "shared.ipynb").unlink()
    gone = TaskPlan("gone", "gone", "script", Entry(), file=folder / "gone.py", remote_file=f"{ROOT}/gone.py")
    flow = replace(plan.workflows[0], tasks=(gone,))
    with pytest.raises(FileError, match=r"gone\.py cannot be read: No such file"):
        FileSync(workspace, replace(plan, workflows=(flow,))).ensure(gone)
    (folder / "daily.py").write_text(NOTEBOOK + "open('rows.csv')\n")
    with (folder / "rows.csv").open("ab") as file:
        file.truncate(11 * 1024 * 1024)
    logged: list[str] = []
    sync, task = FileSync(workspace, plan, reported.append), plan.workflows[0].tasks[0]
    sync.ensure(task, warn=logged.append)
    assert re.fullmatch(
        r"Left out of the upload: .*rows\.csv is too large .*: 11 MB of at most 10\..*", logged[0]
    )
    with (folder / "load.py").open("ab") as file:
        file.truncate(11 * 1024 * 1024)
    with pytest.raises(FileError, match=r"load\.py is too large"):
        FileSync(workspace, plan).sync_all()


@pytest.fixture
def volume(workspace: Workspace) -> str:
    body = {"catalog_name": "main", "schema_name": "default", "name": "inbox", "volume_type": "MANAGED"}
    api(workspace, "POST", "/api/2.1/unity-catalog/volumes", body=body)
    return "/Volumes/main/default/inbox"


@pytest.mark.parametrize("megabytes", [0, 9, 60])
def test_a_file_goes_to_a_volume_whole_and_tells_how_far_it_is(
    workspace: Workspace, volume: str, tmp_path: Path, megabytes: int
) -> None:
    local = tmp_path / "a b#?.csv"
    local.write_bytes(b"x,y\n")
    with local.open("r+b") as file:
        file.truncate(megabytes * 1024 * 1024 + 4)
    steps: list[tuple[int, int]] = []
    lock = threading.Lock()

    def report(done: int, size: int) -> None:
        with lock:
            steps.append((done, size))

    size = upload_to_volume(workspace, local, f"{volume}/new/a b#?.csv", progress=report)
    assert size == local.stat().st_size and steps[-1] == (size, size)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert len(steps) >= 1 + megabytes // 9
    found: Any = workspace.client.files.get_metadata(f"{volume}/new/a b#?.csv")
    assert found.content_length == size


def test_an_upload_that_cannot_be_says_why(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no\.csv cannot be read: No such file"):
        upload_to_volume(workspace, tmp_path / "no.csv", "/Volumes/main/default/inbox/no.csv")
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(FileError, match=r"a\.csv cannot be uploaded to /Volumes/main/default/none/a.csv: "):
        upload_to_volume(workspace, tmp_path / "a.csv", "/Volumes/main/default/none/a.csv")
