"""dbutils in a task: widgets, files, secrets, task values, calls of other notebooks."""

# ruff: noqa: E501  the code of tasks stands in strings
from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.task.task_processes import Tasks


def test_widgets(tasks: Tasks) -> None:
    ended = tasks.notebook(
        """
        w = dbutils.widgets
        w.dropdown("size", "S", ["S", "L"]); w.text("day", "today"); w.multiselect("tags", "a", ["a", "b"])
        print(w.get("size"), w.get("day"), w.get("tags"), w.get("undeclared"), sorted(w.getAll()))
        print(getArgument("nope", "fallback"))
        w.remove("day")
        for action in (lambda: w.get("day"), lambda: w.dropdown("c", "x", ["y"])):
            try:
                action()
            except ValueError as error:
                print(type(error).__name__, error)
        """,
        parameters={"size": "L", "undeclared": 5},
    )
    assert ended.log.splitlines() == [
        "L today a 5 ['day', 'size', 'tags', 'undeclared']",
        "fallback",
        "InputWidgetNotDefined No input widget named day is defined",
        "ValueError The default value 'x' of widget c is not one of its choices: y.",
    ]


def test_a_path_without_a_scheme_is_in_dbfs(tasks: Tasks, tmp_path: Path) -> None:
    here = tmp_path / "here.txt"
    here.write_text("on this computer")
    name = f"/tmp/{tmp_path.name}-out"
    ended = tasks.notebook(
        f"""
        fs = dbutils.fs
        fs.put("{name}/a.csv", "1"); print(fs.head("dbfs:{name}/a.csv"), spark.read.csv("{name}/a.csv").count())
        spark.range(2).write.parquet("{name}2"); print(len(fs.ls("{name}2")) > 0, fs.head("file:{here}"))
        print(spark.read.text("{here}").count(), spark.sql("SELECT * FROM parquet.`{name}2`").count())
        print(fs.rm("{here}"), [f.path for f in fs.ls("{name}")])
        fs.ls("{here}")
        """
    )
    assert ended.log.splitlines()[:5] == [
        "Wrote 1 bytes.",
        "1 1",
        "True on this computer",
        "1 2",
        f"False ['dbfs:{name}/a.csv']",
    ], ended.log
    assert here.exists() and not Path(name).exists()
    assert ended.error.endswith(f"lie in DBFS; on this computer it is file:{here}.")


def test_fs(tasks: Tasks) -> None:
    ended = tasks.notebook(
        """
        fs, base = dbutils.fs, "/Volumes/main/default/fs"
        fs.mkdirs(base + "/a"); fs.put(base + "/a/x.txt", "hello"); fs.cp(base + "/a", base + "/b", True)
        print([(f.path, f.name, f.size) for f in fs.ls(base)], fs.head("dbfs:" + base + "/b/x.txt", 4))
        fs.mv(base + "/b/x.txt", base + "/y.txt"); print([f.name for f in fs.ls(base)], fs.ls(base + "/b"))
        print(fs.rm(base + "/nothing"), fs.rm(base + "/a", True))
        fs.ls(base + "/gone")
        """
    )
    assert ended.log.splitlines()[:4] == [
        "Wrote 5 bytes.",
        "[('dbfs:/Volumes/main/default/fs/a/', 'a/', 0), ('dbfs:/Volumes/main/default/fs/b/', 'b/', 0)] hell",
        "['a/', 'b/', 'y.txt'] []",
        "False True",
    ]
    assert ended.error == "FileNotFoundError: No such file or directory: /Volumes/main/default/fs/gone"


def test_secrets_are_redacted_wherever_they_show(tasks: Tasks, tmp_path: Path) -> None:
    secret = "pa55-word"
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"scope": {"key": base64.b64encode(secret.encode()).decode()}}))
    ended = tasks.notebook(
        "import sys\nsecret = dbutils.secrets.get('scope', 'key')\nprint(len(secret), secret)\nprint(f'<{secret}>', file=sys.stderr)",
        "display(spark.createDataFrame([(secret,)], 's string'))",
        "import subprocess\nprint([s.key for s in dbutils.secrets.list('scope')])\nraise ValueError('wrong password ' + secret)",
        secrets=str(file),
    )
    assert ended.log.startswith("9 [REDACTED]\n<[REDACTED]>\n")
    assert ended.error == "ValueError: wrong password [REDACTED]"
    assert secret not in ended.log + json.dumps(ended.result)
    exits = tasks.notebook("dbutils.notebook.exit(dbutils.secrets.get('scope', 'key'))", secrets=str(file))
    assert exits.result["exit_value"] == "[REDACTED]"
    missing = tasks.notebook("dbutils.secrets.get('scope', 'other')", secrets=str(file))
    assert "Secret does not exist with scope: scope and key: other" in missing.error


def test_task_values_go_from_task_to_task(tasks: Tasks, tmp_path: Path) -> None:
    run_dir = str(tmp_path / "run")
    tasks.notebook("dbutils.jobs.taskValues.set('rows', {'n': 3})", task_key="load all", run_dir=run_dir)
    ended = tasks.notebook(
        "v = dbutils.jobs.taskValues\nprint(v.get('load all', 'rows'), v.get('load all', 'no', default=1))\nv.get('x', 'y')",
        run_dir=run_dir,
    )
    assert ended.log.startswith("{'n': 3} 1\n")
    assert ended.error == "ValueError: No task value with key 'y' was set by task 'x' of this run."


def test_context(tasks: Tasks) -> None:
    ended = tasks.notebook(
        """
        import json
        c = dbutils.notebook.entry_point.getDbutils().notebook().getContext()
        print(c.notebookPath().get(), c.tags().apply("jobId"), json.loads(c.safeToJson())["attributes"]["jobRunId"])
        """,
        job_id=4,
        job_run_id=9,
    )
    assert ended.log.startswith("/Workspace/Shared/notebook") and ended.log.endswith(" 4 9\n")


class _Runs(BaseHTTPRequestHandler):
    """The two routes of the server by which notebooks call notebooks; run 'slow' answers at the second look."""

    calls: list[tuple[str, str, Any, str | None]]
    looks: dict[str, int]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.calls.append(("POST", self.path, body, self.headers["Authorization"]))
        self._answer({"run_id": body["path"].rpartition("/")[2]})

    def do_GET(self) -> None:
        name = self.path.split("?")[0].rpartition("/")[2]
        self.looks[name] = self.looks.get(name, 0) + 1
        if name == "slow" and self.looks[name] == 1:
            self._answer({"done": False})
        elif name == "bad":
            self._answer(
                {"done": True, "ok": False, "error": "ValueError: x", "error_trace": "Traceback ...\n"}
            )
        else:
            self._answer({"done": True, "ok": True, "exit_value": f"value of {name}"})

    def _answer(self, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def runs() -> Iterator[tuple[str, type[_Runs]]]:
    handler = type("Runs", (_Runs,), {"calls": [], "looks": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler
    server.shutdown()
    server.server_close()


def test_notebook_run_one_by_one_and_in_parallel(tasks: Tasks, runs: tuple[str, type[_Runs]]) -> None:
    host, handler = runs
    path = tasks.notebook_file(
        "orchestrate.py",
        """
        from concurrent.futures import ThreadPoolExecutor
        print(dbutils.notebook.run("./one", 60, {"n": 1}), dbutils.notebook.run("/Workspace/Other/slow", 0))
        with ThreadPoolExecutor(4) as pool:
            print(list(pool.map(lambda name: dbutils.notebook.run(name, 60), ["a", "b", "c", "d"])))
        dbutils.notebook.run("../bad", 60)
        """,
    )
    ended = tasks.run("notebook", path, host=host, token="tok-en-1", run_id=77)
    assert ended.log.splitlines()[:2] == [
        "value of one value of slow",
        "['value of a', 'value of b', 'value of c', 'value of d']",
    ]
    assert handler.calls[0] == (
        "POST",
        "/__emulator/notebook-runs",
        {
            "parent_run_id": 77,
            "path": "/Workspace/Shared/one",
            "arguments": {"n": "1"},
            "timeout_seconds": 60,
        },
        "Bearer tok-en-1",
    )
    assert ended.error == (
        "NotebookRunError: FAILED: Workload failed, see run output for details. Notebook /Workspace/bad: ValueError: x"
    )
