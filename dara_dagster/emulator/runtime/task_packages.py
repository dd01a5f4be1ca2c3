"""The Python packages of a task: its libraries, those of its cluster, the dependencies of its environment."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dara_dagster.emulator.services.runs.records import TaskRun

__all__ = ["UnsupportedLibraryError", "list_packages"]


class UnsupportedLibraryError(ValueError):
    """A library that is not a Python package; the local workspace has no JVM and no R."""


def list_packages(
    settings: Mapping[str, Any], task: TaskRun, on_cluster: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Return the arguments of `pip install` for the libraries of the task, of its cluster and of its
    environment.

    `on_cluster` holds the statuses of the libraries of its cluster. Raises UnsupportedLibraryError for a jar,
    egg, maven or cran library (https://docs.databricks.com/api/workspace/jobs/submit: `libraries`,
    `environments.spec.dependencies`).
    """
    arguments: list[str] = []
    for library in task.task.get("libraries") or ():
        arguments += _list_arguments(library)
    for status in on_cluster:
        if status["library"].keys() & {"pypi", "whl", "requirements"}:
            arguments += _list_arguments(status["library"])
    key = task.task.get("environment_key")
    for environment in settings.get("environments") or ():
        if key is not None and environment.get("environment_key") == key:
            arguments += _split_dependencies((environment.get("spec") or {}).get("dependencies") or ())
    return arguments


def _list_arguments(library: Mapping[str, Any]) -> list[str]:
    kind = next(iter(library))
    if kind == "whl":
        return [library["whl"]]
    if kind == "requirements":
        return ["-r", library["requirements"]]
    if kind == "pypi":
        repository = library["pypi"].get("repo")
        return [library["pypi"]["package"], *(["--index-url", repository] if repository else [])]
    raise UnsupportedLibraryError(
        f"A {kind} library is not supported by the local workspace, which runs Python and SQL only."
    )


def _split_dependencies(lines: Sequence[str]) -> list[str]:
    """Split lines of a requirements file: options such as `-r file` are words of their own."""
    return [
        word for line in lines for word in (shlex.split(line) if line.startswith("-") else [line.strip()])
    ]
