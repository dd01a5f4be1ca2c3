"""Turns the local notebooks folder into the files that go to the workspace: where to, and in which form."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from dara_dagster.config.plan import Plan, TaskPlan
from dara_dagster.config.task_files import LARGEST_IMPORT, NOTEBOOK_LINE, notebook_language, too_large
from dara_dagster.errors import FileError
from dara_dagster.tasks.default_tables import use_statements
from dara_dagster.tasks.reachable_files import Reach
from dara_dagster.tasks.registry import KINDS

# No import as AUTO makes anything but a file of these, unless they begin as a notebook does.
_PLAIN = frozenset(
    (".py", ".sql", ".scala", ".r", ".txt", ".csv", ".toml", ".yml", ".yaml", ".cfg", ".md", ".sh")
)
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
        """Return the workspace folder it goes to."""
        return self.remote.rpartition("/")[0]

    @property
    def object_type(self) -> str:
        """Return what it becomes in the workspace."""
        return "NOTEBOOK" if self.language or self.path.suffix == ".ipynb" else "FILE"

    @property
    def import_options(self) -> dict[str, str]:
        """Return format and language of its import (docs.databricks.com/api/workspace/workspace/import).

        SOURCE makes a notebook of anything. AUTO decides by ending and first line, so it leaves plain code
        and text as a file; what it might turn into something else goes as RAW, which not every service has.
        """
        if self.path.suffix == ".ipynb":
            return {"format": "JUPYTER", "language": "PYTHON"}
        if self.language:
            return {"format": "SOURCE", "language": self.language}
        return {"format": "AUTO" if _stays_a_file(self.path, self.content) else "RAW"}

    @cached_property
    def digest(self) -> str:
        """Return what decides whether it has to be sent: content and form."""
        form = f"{self.object_type}\0{self.language}\0".encode()
        return hashlib.sha256(form + self.content).hexdigest()


def stamp_of(path: Path) -> Stamp:
    """Return the file's stamp. Raises FileError when it is not there."""
    try:
        status = path.stat()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class Found:
    """The files that some tasks need. `left_out` says, a line each, which others stay behind and why."""

    files: tuple[LocalFile, ...]
    left_out: tuple[str, ...] = ()


def find_files(plan: Plan, root: str, tasks: Collection[TaskPlan], *, everything: bool = False) -> Found:
    """Return the files of `tasks` and what their code may reach (see Reach), or the whole folder; `root` is
    remote.

    Hidden files stay behind. A task's file that is larger than an import takes, cannot be read, or has the
    place of another is a FileError; other such files are left out.
    """
    needed = {_place(task.file): task.remote_file for task in tasks if task.file and task.remote_file}
    other_tasks = {_place(t.file): t.remote_file for t in _tasks(plan) if t.file and t.remote_file}
    selection = _Selection(plan, root)
    reach = Reach(everything=everything)
    reach.see_tasks(tasks)
    for path, remote in needed.items():
        reach.see(selection.take(path, remote).content, path)
    beside = [path for path in _walk(plan.notebooks) if _place(path) not in needed]
    while reached := [path for path in beside if reach.covers(path, plan.notebooks)]:
        for path in reached:
            beside.remove(path)
            file = selection.try_to_take(path, other_tasks.get(_place(path)) or "")
            if file is not None:
                reach.see(file.content, path)
    return Found(tuple(selection.files.values()), tuple(selection.left_out))


class _Selection:
    """The files chosen so far, by their place in the workspace."""

    def __init__(self, plan: Plan, root: str) -> None:
        self._plan, self._root = plan, root
        self._folders: dict[str, Path] = {}
        self.files: dict[str, LocalFile] = {}
        self.left_out: list[str] = []

    def take(self, path: Path, remote: str) -> LocalFile:
        """Choose the file. Raises FileError."""
        if (size := stamp_of(path)[0]) > LARGEST_IMPORT:
            raise FileError(f"{path} {too_large(size)}")
        file = _read(path, remote, self._plan, self._root)
        above = [str(folder) for folder in PurePosixPath(file.remote).parents]
        if other := self.files.get(file.remote):
            message = f"{other.path} and {path} are the same notebook {file.remote} in the workspace"
            raise FileError(f"{message}. Rename one of the two.")
        if inside := self._folders.get(file.remote):
            raise FileError(_beside_a_folder(path, inside, file.remote))
        if found := next((folder for folder in above if folder in self.files), None):
            raise FileError(_beside_a_folder(self.files[found].path, path, found))
        self.files[file.remote] = file
        for folder in above:
            self._folders.setdefault(folder, path)
        return file

    def try_to_take(self, path: Path, remote: str) -> LocalFile | None:
        """Choose the file if that can be."""
        try:
            return self.take(path, remote)
        except FileError as error:
            self.left_out.append(str(error))
            return None


def _beside_a_folder(file: Path, inside: Path, remote: str) -> str:
    message = f"{file} and the folder of {inside} would both be {remote} in the workspace"
    return f"{message}. Rename one of the two."


def _place(path: Path) -> Path:
    """Return where the file lies, however that is spelled; a link is a file of its own."""
    return path.parent.resolve() / path.name


def _tasks(plan: Plan) -> Iterator[TaskPlan]:
    for workflow in plan.workflows:
        yield from workflow.all_tasks()


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
    language, is_task = notebook_language(path, content), bool(remote)
    if not remote:
        relative = path.relative_to(plan.notebooks)
        is_notebook = language or path.suffix == ".ipynb"
        remote = f"{root}/{(relative.with_suffix('') if is_notebook else relative).as_posix()}"
    content = with_default_tables(path, content, plan.catalog, plan.schema, is_task=is_task)
    return LocalFile(path, remote, content, stamp, language)


def with_default_tables(
    path: Path, content: bytes, catalog: str | None, schema: str | None, *, is_task: bool
) -> bytes:
    """Return the content with the statements that choose `catalog` and `schema` at its head.

    Modules and other files come back as they are, and so does a script that Python cannot parse.
    """
    statements = use_statements(catalog, schema)
    if not statements:
        return content
    fitting = (kind for kind in KINDS.values() if kind.is_form_of(path, content, is_task=is_task))
    kind = next(fitting, None)
    return kind.choose_tables(path, content, statements) if kind else content


def _stays_a_file(path: Path, content: bytes) -> bool:
    """Return whether an import as AUTO leaves it a file."""
    first = content.partition(b"\n")[0].decode(errors="replace")
    return path.suffix.lower() in _PLAIN and NOTEBOOK_LINE not in first
