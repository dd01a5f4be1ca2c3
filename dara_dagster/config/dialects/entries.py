"""Reads the entries of a dependency list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dara_dagster.config.kinds import FORMAT_HINT
from dara_dagster.config.models import Entry
from dara_dagster.config.spec import Executors, Items, Task
from dara_dagster.config.validation import read_model
from dara_dagster.errors import Problem


def read_entries(items: Items, executors: Executors) -> tuple[dict[str, Any], list[Problem]]:
    """Return the workflow's `tasks` and `unread` names, and the problems of the entries."""
    tasks: list[Task] = []
    unread: set[str] = set()
    problems: list[Problem] = []
    for index, value in items.found:
        path = (*items.path, index)
        entry, found = read_model(Entry, value, items.document, path)
        problems += found
        if isinstance(value, dict):
            problems += [items.document.problem(path, *missing) for missing in _missing(value)]
        if entry and entry.task_name:
            tasks.append(Task(entry, items.document, path))
        elif isinstance(value, dict):
            names = (value.get("name"), value.get("file_name"))
            unread.update(name for name in names if isinstance(name, str))
    return {"tasks": tuple(tasks), "unread": frozenset(unread)}, problems


def _missing(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what an entry lacks, and a hint; judged by the keys that are written, right or wrong."""
    has = {key for key, value in entry.items() if value is not None}
    if not has & {"file_name", "task"}:
        yield "file_name is missing", 'Add "file_name": a file in the notebooks folder.'
    elif not has & {"file_name", "name"}:
        yield "the task has no name", 'Add "name": the name of the task.'
    elif not has & {"format", "task"}:
        yield "format is missing", f"{FORMAT_HINT}."
