"""Reads the entries of a dependency list."""

from __future__ import annotations

from typing import Any

from dara_dagster.errors import Problem
from dara_dagster.spec.models import Entry
from dara_dagster.spec.spec import Executors, Items, Task
from dara_dagster.spec.validation import read_model


def read_entries(items: Items, executors: Executors) -> tuple[dict[str, Any], list[Problem]]:
    """The workflow's `tasks` and `unread` names, and the problems of the entries."""
    tasks: list[Task] = []
    unread: set[str] = set()
    problems: list[Problem] = []
    for index, value in items.found:
        path = (*items.path, index)
        entry, found = read_model(Entry, value, items.document, path)
        if entry:
            tasks.append(Task(entry, items.document, path))
        else:
            problems += found
            names = (value.get("name"), value.get("file_name")) if isinstance(value, dict) else ()
            unread.update(name for name in names if isinstance(name, str))
    return {"tasks": tuple(tasks), "unread": frozenset(unread)}, problems
