"""`dbutils`: the notebook-side utilities, one file each."""

from __future__ import annotations

from dara_dagster.emulator.lake.paths import PathMap
from dara_dagster.emulator.task.dbutils.context import EntryPoint
from dara_dagster.emulator.task.dbutils.files import FileInfo, Files
from dara_dagster.emulator.task.dbutils.jobs import Jobs
from dara_dagster.emulator.task.dbutils.library import Library
from dara_dagster.emulator.task.dbutils.notebooks import NotebookExit, NotebookRunError, Notebooks
from dara_dagster.emulator.task.dbutils.secrets import Secrets
from dara_dagster.emulator.task.dbutils.widgets import Widgets
from dara_dagster.emulator.task.redaction import Redactor
from dara_dagster.emulator.task.spec import TaskSpec

__all__ = ["DBUtils", "FileInfo", "NotebookExit", "NotebookRunError"]


class DBUtils:
    """What a task sees as `dbutils`."""

    def __init__(self, spec: TaskSpec, paths: PathMap, redactor: Redactor) -> None:
        self.fs = Files(paths)
        self.widgets = Widgets(spec.named_parameters)
        self.secrets = Secrets(spec.secrets, redactor)
        self.jobs = Jobs(spec.run_dir, spec.task_key)
        self.library = Library()
        self.notebook = Notebooks(spec, EntryPoint(spec))
        self.entry_point = self.notebook.entry_point
