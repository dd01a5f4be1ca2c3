"""Finds and reads the task files of the notebooks folder."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from dara_dagster.config.kinds import FORMATS, TaskKind, kinds_of
from dara_dagster.config.rules.python_code import notebook_fault, script_fault
from dara_dagster.config.suggestions import Suggestions

# What the export of a notebook as a source file begins with, behind a comment sign, and nothing else on the
# line (docs.databricks.com/api/workspace/workspace/export, format SOURCE).
NOTEBOOK_LINE = "Databricks notebook source"
_LANGUAGES: Mapping[str, tuple[str, str]] = {
    ".py": ("#", "PYTHON"),
    ".scala": ("//", "SCALA"),
    ".r": ("#", "R"),
}
# PEP 427: name, version, build (optional), and the tags of Python, ABI and platform.
_WHEEL_NAME = re.compile(r"[^\s-]+-[^\s-]+(-\d[^\s-]*)?-[^\s-]+-[^\s-]+-[^\s-]+\.whl")
# "The maximum allowed size of a request to this endpoint is 10MB" (workspace/import).
LARGEST_IMPORT = 10 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """One task file as read: what it is and the hash of its content, or the fault that stops its use."""

    kind: TaskKind
    digest: str
    fault: str | None = None
    hint: str = "Replace the file, or change the format."


def too_large(size: int) -> str:
    """Say that a file of `size` bytes is larger than one import takes, and what to do."""
    megabytes = f"{size / 1024 / 1024:.1f}".removesuffix(".0")
    return f"is too large for the workspace: {megabytes} MB of at most 10. Put data into a volume"


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder; one whose name is too long, or that may not be read, is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


class Sources:
    """The notebooks folder; every file is listed once and read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, Source] = {}

    @cached_property
    def exist(self) -> bool:
        """Return whether there is such a folder."""
        return is_folder(self.folder)

    def file(self, name: str, ending: str) -> Path | None:
        """Return the file of a task, or None."""
        return self._files.get(f"{name}.{ending}")

    def endings(self, name: str) -> list[str]:
        """Return the endings for which a file of that name exists."""
        return [ending for ending in FORMATS if f"{name}.{ending}" in self._files]

    @cached_property
    def names(self) -> Suggestions:
        """Return the names of all task files, without their endings."""
        return Suggestions(sorted(path.rpartition(".")[0] for path in self._files))

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        files: dict[str, Path] = {}
        for folder, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if name[0] != "." and name != "__pycache__"]
            here = Path(folder)
            inner = "" if here == self.folder else f"{here.relative_to(self.folder).as_posix()}/"
            files.update((inner + name, here / name) for name in names if name.rpartition(".")[2] in FORMATS)
        return files

    def read(self, name: str, ending: str) -> Source:
        """Return the file's kind and hash; the file must be one that `file` knows."""
        key = f"{name}.{ending}"
        if key not in self._read:
            self._read[key] = _read(self._files[key], ending)
        return self._read[key]


class AssumedSources(Sources):
    """Task files that are not here: each is taken to be there, one that ends in .py for a notebook."""

    @property
    def exist(self) -> bool:
        """Return True: no folder is needed."""
        return True

    def file(self, name: str, ending: str) -> Path | None:
        """Return where the file would be."""
        return self.folder / f"{name}.{ending}"

    def endings(self, name: str) -> list[str]:
        """Return all endings: who names the file says which one it is."""
        return list(FORMATS)

    def read(self, name: str, ending: str) -> Source:
        """Return what a file of that ending usually is; its content is not known."""
        return Source(kinds_of(ending)[0].name, "")


def notebook_language(path: Path, content: bytes) -> str:
    """Return the language of a source notebook, "" for anything else.

    A `.sql` file always stays a file: a SQL task runs files, not notebooks.
    """
    comment, language = _LANGUAGES.get(path.suffix.lower(), ("", ""))
    first = content.partition(b"\n")[0].decode(errors="replace").removeprefix("\ufeff").rstrip()
    return language if language and first == f"{comment} {NOTEBOOK_LINE}" else ""


def _read(file: Path, ending: str) -> Source:
    try:
        if (size := file.stat().st_size) > LARGEST_IMPORT:
            return Source("script", "", f"{file} {too_large(size)}")
        content = file.read_bytes()
    except OSError as error:
        return Source("script", "", f"{file} cannot be read: {error.strerror}")
    digest = sha256(content).hexdigest()
    if ending == "sql":
        return Source("sql", digest)
    if ending == "whl":
        return Source("wheel", digest, _wheel_fault(file))
    text = content.decode("utf-8-sig", errors="replace")
    if ending == "ipynb":
        if fault := _ipynb_fault(file, content):
            return Source("notebook", digest, fault)
        return _checked(file, Source("notebook", digest), notebook_fault(text, ending))
    if notebook_language(file, content):
        return _checked(file, Source("notebook", digest), notebook_fault(text, ending))
    return _checked(file, Source("script", digest), script_fault(text))


def _checked(file: Path, source: Source, fault: str | None) -> Source:
    """Return the source with what is wrong in its Python."""
    if fault is None:
        return source
    hint = "Correct it there."
    if "dbutils.widgets" in fault:
        hint = "Make the file's first line '# Databricks notebook source', or read --name=value by argparse."
    return replace(source, fault=f"{file.name}: {fault}", hint=hint)


def _ipynb_fault(file: Path, content: bytes) -> str | None:
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError):
        return f"{file} is not a Jupyter notebook (not JSON)"
    cells = isinstance(notebook, dict) and isinstance(notebook.get("cells"), list)
    return None if cells else f"{file} is not a Jupyter notebook (it has no list of cells)"


def _wheel_fault(file: Path) -> str | None:
    if not _WHEEL_NAME.fullmatch(file.name):
        return f"{file.name} is not named as a wheel is (name-version-python-abi-platform.whl)"
    return None if zipfile.is_zipfile(file) else f"{file} is not a wheel (not a zip file)"
