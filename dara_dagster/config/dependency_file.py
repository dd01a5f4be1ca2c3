"""Finds the dependency file: in the config folder, in a folder beside it, or where project.json says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dara_dagster.config.json_source import Document
from dara_dagster.config.task_files import is_folder
from dara_dagster.errors import DaraError, Problem

# What else tells a project's config folder from another one of that name.
_SIGNS = ("project.json", "workflows", "cluster_config.json", "warehouse_config.json")
_FILES = ("dependency.json", "dependency.py")
# Beside the config folder; projects have the second one with this spelling.
_FOLDERS = ("Tasks_dependency", "Task_dependecy")
PLACES = (
    f"Write {' or '.join(_FILES)} here or in {' or '.join(f'{folder}/' for folder in _FOLDERS)} beside it, "
    'name it with "dependency" in project.json, or write workflows/<name>.json.'
)


def is_config_folder(folder: Path) -> bool:
    """Return whether there is such a folder and a file of a project in it. Raises DaraError where that is
    hidden."""
    try:
        return folder.is_dir() and any(
            sign.exists() for sign in (*usual_places(folder), *(folder / name for name in _SIGNS))
        )
    except PermissionError:
        raise DaraError(f"{folder} cannot be read: Permission denied. Make it readable.") from None


def usual_places(folder: Path) -> list[Path]:
    """Return where the dependency file of a config folder may stand when project.json says nothing."""
    beside = folder.parent if folder.name not in ("", "..") else Path(os.path.realpath(folder)).parent
    return [place / name for place in (folder, *(beside / each for each in _FOLDERS)) for name in _FILES]


def find_dependency_file(
    folder: Path, given: str | None, project: Document
) -> tuple[Path | None, list[Problem]]:
    """Return the file, None when there is none, and what is wrong.

    `given` is what project.json says, a file or a folder relative to it; then no other place counts.
    """
    if given is not None:
        return _given(folder / given, project)
    found = list(_existing(usual_places(folder)))
    if len(found) < 2:
        return next(iter(found), None), []
    message = f"there are {len(found)} dependency files: {', '.join(map(str, found))}"
    hint = 'Keep one, or name the one to read with "dependency" in project.json.'
    return found[0], [Problem(found[0], 0, "", message, hint)]


def _given(path: Path, project: Document) -> tuple[Path | None, list[Problem]]:
    files = list(_existing(path / name for name in _FILES)) if is_folder(path) else list(_existing([path]))
    if len(files) == 1 and files[0].suffix in (".json", ".py"):
        return files[0], []
    if len(files) > 1:
        message = f"there are two dependency files in {path}"
    elif files:
        message = f"{path} is not a .json or .py file"
    elif is_folder(path):
        message = f"there is no dependency.json or dependency.py in {path}"
    else:
        message = f"there is no {path}"
    hint = "Name a dependency.json or dependency.py, relative to project.json."
    return None, [project.problem(("dependency",), message, hint)]


def _existing(paths: Iterator[Path] | list[Path]) -> Iterator[Path]:
    return (path for path in paths if os.path.lexists(path))
