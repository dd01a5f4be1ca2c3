"""Turns the local notebooks folder into the files that go to the workspace: where to, and in which form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from dara_dagster.errors import FileError
from dara_dagster.remote.defaults import with_defaults
from dara_dagster.spec.plan import Plan, TaskPlan

# A notebook in source form begins with this line, and with nothing else on it (databricks-api.md 5.1).
_NOTEBOOK_LINE = "Databricks notebook source"
_LANGUAGES: Mapping[str, tuple[str, str]] = {
    ".py": ("#", "PYTHON"),
    ".scala": ("//", "SCALA"),
    ".r": ("#", "R"),
}
_LARGEST = 10 * 1024 * 1024  # what one import takes
_SKIPPED = frozenset(("__pycache__", "node_modules"))

Stamp = tuple[int, int]
"""Size and time of change in nanoseconds: enough to see that a local file was saved anew."""


@dataclass(frozen=True)
class LocalFile:
    """One local file and its place in the workspace; `content` is what goes there. `language` "" means that
    it is no source notebook.
    """

    path: Path
    remote: str
    content: bytes
    stamp: Stamp
    language: str = ""

    @property
    def folder(self) -> str:
        """The workspace folder it goes to."""
        return self.remote.rpartition("/")[0]

    @property
    def object_type(self) -> str:
        """What it becomes in the workspace."""
        return "NOTEBOOK" if self.language or self.path.suffix == ".ipynb" else "FILE"

    @property
    def import_options(self) -> dict[str, str]:
        """Format and language of its import. Only these are sure: AUTO renames, SOURCE makes notebooks of
        scripts (databricks-api.md 5.1).
        """
        if self.path.suffix == ".ipynb":
            return {"format": "JUPYTER", "language": "PYTHON"}
        return {"format": "SOURCE", "language": self.language} if self.language else {"format": "RAW"}

    @cached_property
    def digest(self) -> str:
        """What decides whether it has to be sent: content and form."""
        form = f"{self.object_type}\0{self.language}\0".encode()
        return hashlib.sha256(form + self.content).hexdigest()


def stamp_of(path: Path) -> Stamp:
    """The file's stamp. Raises FileError when it is not there."""
    try:
        status = path.stat()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    return status.st_size, status.st_mtime_ns


def find_files(plan: Plan, root: str) -> list[LocalFile]:
    """Every file of the notebooks folder, and task files that lie elsewhere; `root` is the remote folder.

    Hidden files and what is larger than an import takes stay behind, unless it is a task's file: that is a
    FileError, as is a file that cannot be read, or two things with the same place.
    """
    tasks = {
        _place(task.file): (task.file, task.remote_file)
        for task in _tasks(plan)
        if task.file is not None and task.remote_file is not None
    }
    beside = [path for path in _walk(plan.notebooks) if _place(path) not in tasks]
    found: dict[str, LocalFile] = {}
    for path, remote in [*tasks.values(), *((path, "") for path in beside if _fits(path))]:
        if remote and not _fits(path):
            raise FileError(f"{path} is too large: a file of the workspace can have 10 MB")
        file = _read(path, remote, plan, root)
        other = found.setdefault(file.remote, file)
        if other is not file:
            message = f"{other.path} and {file.path} are the same notebook {file.remote} in the workspace"
            raise FileError(f"{message}. Rename one of the two.")
    folders = {str(above) for remote in found for above in PurePosixPath(remote).parents}
    for file in found.values():
        if file.remote in folders:
            message = f"{file.path} and the folder beside it would both be {file.remote} in the workspace"
            raise FileError(f"{message}. Rename one of the two.")
    return list(found.values())


def _place(path: Path) -> Path:
    """Where the file lies, however that is spelled; a link is a file of its own."""
    return path.parent.resolve() / path.name


def _tasks(plan: Plan) -> Iterator[TaskPlan]:
    for workflow in plan.workflows:
        yield from workflow.tasks
        yield from (step.task for step in workflow.steps if step.task is not None)


def _fits(path: Path) -> bool:
    return stamp_of(path)[0] <= _LARGEST


def _walk(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    real = folder.resolve()
    if not folder.is_dir() or real in above:  # a link to a folder it lies in has no end
        return
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise FileError(f"{folder} cannot be read: {error.strerror}") from None
    for path in inside:
        if path.name.startswith(".") or path.name in _SKIPPED or path.suffix == ".pyc":
            continue
        if path.is_dir():
            yield from _walk(path, above | {real})
        elif path.is_file():
            yield path


def _read(path: Path, remote: str, plan: Plan, root: str) -> LocalFile:
    stamp = stamp_of(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    language = _notebook_language(path, content)
    if not remote:
        relative = path.relative_to(plan.notebooks)
        is_notebook = language or path.suffix == ".ipynb"
        remote = f"{root}/{(relative.with_suffix('') if is_notebook else relative).as_posix()}"
    code = "SQL" if path.suffix.lower() == ".sql" else language
    content = with_defaults(content, code, plan.catalog, plan.schema)
    return LocalFile(path, remote, content, stamp, language)


def _notebook_language(path: Path, content: bytes) -> str:
    """The language of a source notebook, "" for anything else. A `.sql` file always stays a file: a SQL
    task runs files, not notebooks.
    """
    comment, language = _LANGUAGES.get(path.suffix.lower(), ("", ""))
    first = content.partition(b"\n")[0].decode(errors="replace").removeprefix("\ufeff").rstrip()
    return language if language and first == f"{comment} {_NOTEBOOK_LINE}" else ""
