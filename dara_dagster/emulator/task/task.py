"""Runs one task: sets the process up, executes the notebook, script, SQL or wheel, and writes the result
file.
"""

from __future__ import annotations

import ast
import importlib.metadata
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

from dara_dagster.emulator.lake.paths import PathMap
from dara_dagster.emulator.lake.store import Store
from dara_dagster.emulator.sail.server import DEFAULT_CATALOG, DEFAULT_SCHEMA, SparkServer
from dara_dagster.emulator.sail.session import LocalSpark, open_session
from dara_dagster.emulator.task.dbutils import DBUtils, NotebookExit
from dara_dagster.emulator.task.display import display
from dara_dagster.emulator.task.namespace import install_modules, main_namespace
from dara_dagster.emulator.task.notebook import Notebook
from dara_dagster.emulator.task.packages import Installer, InstallError
from dara_dagster.emulator.task.python_io import redirect_file_calls
from dara_dagster.emulator.task.redaction import RedactingStream, Redactor
from dara_dagster.emulator.task.spec import TaskResult, TaskSpec
from dara_dagster.emulator.task.statements import fetch, run_script
from dara_dagster.emulator.task.traces import SourceMap, error_line, error_trace

__all__ = ["Task", "run_task"]


def run_task(spec: TaskSpec) -> TaskResult:
    """Run the task in this process and writes its result file. Changes the process for good: environment,
    working folder, file functions, standard output. The caller ends the process.
    """
    redactor = Redactor([spec.token])
    sys.stdout = cast(TextIO, RedactingStream(sys.stdout, redactor))
    sys.stderr = cast(TextIO, RedactingStream(sys.stderr, redactor))
    sources = SourceMap()
    try:
        task = Task(spec, redactor, sources)
        result = task.run()
    except BaseException as error:
        result = _failure(error, sources, redactor)
    result.write(spec.result)
    return result


def _failure(error: BaseException, sources: SourceMap, redactor: Redactor) -> TaskResult:
    line, trace = redactor.clean(error_line(error)), redactor.clean(error_trace(error, sources))
    print(trace, end="", file=sys.stderr)
    return TaskResult(ok=False, error=line, error_trace=trace)


class Task:
    """A task with its session."""

    def __init__(self, spec: TaskSpec, redactor: Redactor, sources: SourceMap) -> None:
        self.spec = spec
        self._redactor = redactor
        self._sources = sources
        self._prepare_process()
        store = Store(spec.tables)
        paths = PathMap(store, spec.workspace)
        redirect_file_calls(paths)
        self._server = SparkServer(store)
        self.spark: LocalSpark = open_session(self._server, paths, spec.user)
        if spec.catalog or spec.schema:
            self.spark.registry.use(spec.catalog or DEFAULT_CATALOG, spec.schema or DEFAULT_SCHEMA)
        self.dbutils = DBUtils(spec, paths, redactor)
        self.installer = Installer(store, paths)
        install_modules(spec, self.spark, self.dbutils)

    def _prepare_process(self) -> None:
        """Set environment, time zone (UTC, as on a cluster), working folder and import path of the task."""
        spec = self.spec
        os.environ.update({"DATABRICKS_HOST": spec.host, "DATABRICKS_TOKEN": spec.token} if spec.host else {})
        os.environ.update(spec.env)
        os.environ["TZ"] = "UTC"
        if hasattr(time, "tzset"):
            time.tzset()
        if spec.file and spec.kind != "wheel":
            folder = str(Path(spec.file).parent)
            sys.path.insert(0, folder)
            os.chdir(folder)

    def run(self) -> TaskResult:
        """Execute the task; never raises for what the user's code does."""
        kinds: dict[str, Callable[[TaskResult], None]] = {
            "notebook": self._notebook,
            "script": self._script,
            "sql": self._sql,
            "statement": self._sql,
            "wheel": self._wheel,
        }
        result = TaskResult(ok=True)
        try:
            self.installer.install(self.spec.packages)
        except InstallError as error:
            text = f"Library installation failed for library due to user error. {error}"
            return TaskResult(ok=False, lost=text, code="LIBRARY_INSTALLATION_ERROR")
        try:
            kinds[self.spec.kind](result)
        except NotebookExit as exit_:
            result.exit_value = self._redactor.clean(exit_.value)
        except BaseException as error:
            result = _failure(error, self._sources, self._redactor)
        result.tables = dict(self.spark.writes.written)
        return result

    def close(self) -> None:
        self.spark.close()
        self._server.stop()

    def _file(self) -> Path:
        if not self.spec.file or not Path(self.spec.file).is_file():
            raise FileNotFoundError(f"There is no file {self.spec.path} in the workspace.")
        return Path(self.spec.file)

    def _notebook(self, result: TaskResult) -> None:
        names = main_namespace(self.spark, self.dbutils)
        Notebook(
            self.spec.path, self._file(), self.spark, self.dbutils, self._sources, names, self.installer
        ).run()

    def _script(self, result: TaskResult) -> None:
        """Execute the file as a REPL would: `__name__` is `__main__`, there is no `__file__`, sys.exit is a
        failure.
        """
        source = self._file().read_text(encoding="utf-8")
        sys.argv = [self.spec.path, *self.spec.arguments]
        self._sources.add(self.spec.path, self.spec.path, source, 1, "")
        code = compile(ast.parse(source, self.spec.path), self.spec.path, "exec", dont_inherit=True)
        exec(code, main_namespace(self.spark, self.dbutils))  # noqa: S102  running the user's code is the point

    def _sql(self, result: TaskResult) -> None:
        """Run the statements of a file (or the one text); the last result is the task's. A file's statement
        is shown in errors.
        """
        text = self.spec.text if self.spec.text is not None else self._file().read_text(encoding="utf-8")
        key = self.spec.path or "<statement>"
        self._sources.add(key, key, text, 1, "")
        for frame in run_script(self.spark, text, self.spec.named_parameters, self._sources, key):
            table = fetch(frame, self.spec.row_limit)
            result.columns, result.rows, result.truncated = table.columns, table.rows, table.truncated
            if self.spec.kind == "sql":
                display(frame)

    def _wheel(self, result: TaskResult) -> None:
        """Call the entry point: by the package's metadata first, else `package.entry_point()`."""
        package, entry = self.spec.path, self.spec.text or ""
        if self.spec.file and not self.spec.packages:
            sys.path.insert(0, self.spec.file)
        sys.argv = [package, *self.spec.arguments]
        main_namespace(self.spark, self.dbutils)
        _entry_point(package, entry)()


def _entry_point(package: str, entry: str) -> Callable[[], Any]:
    try:
        points = importlib.metadata.distribution(package).entry_points
    except importlib.metadata.PackageNotFoundError:
        points = importlib.metadata.EntryPoints()
    found = sorted((p for p in points if p.name == entry), key=lambda p: p.group != "console_scripts")
    if found:
        return cast("Callable[[], Any]", found[0].load())
    module = importlib.import_module(package.replace("-", "_"))
    if not hasattr(module, entry):
        raise ImportError(f"The package {package} has no entry point and no function {entry!r}.")
    return cast("Callable[[], Any]", getattr(module, entry))
