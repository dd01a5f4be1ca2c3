"""Reads parameters.json and parameters-<env>.json: the variables of all files, and the executors."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dara_dagster.errors import Problem, shortened
from dara_dagster.spec.document import Document
from dara_dagster.spec.models import Entry, Executor
from dara_dagster.spec.names import Names
from dara_dagster.spec.reading import read_object
from dara_dagster.spec.spec import Executors, Task
from dara_dagster.spec.validation import kind_of, read_model
from dara_dagster.spec.variables import Variables

_ENVIRONMENT = re.compile(r"[\w.-]+\Z")


class Parameters(NamedTuple):
    """The variables, what each executor's name stands for (as a task too, with its place), the problems."""

    variables: Variables
    executors: Executors
    executor_tasks: tuple[Task, ...]
    problems: list[Problem]


def read_parameters(folder: Path, environ: Mapping[str, str]) -> Parameters:
    """What the files say.

    The file of the environment that DARA_ENV names lies over parameters.json: key by key, and in
    objects (such as `executors`) one key deeper.
    """
    files, problems = _files(folder, environ)
    values: dict[str, Any] = {}
    documents: list[Document] = []
    for file in files:
        document, found = read_object(file)
        documents.append(document)
        problems += found
        for key, value in document.value.items():
            both = isinstance(value, dict) and isinstance(values.get(key), dict)
            values[key] = {**values[key], **value} if both else value
    variables = Variables(values, environ)
    executors: dict[str, Executor | None] = {}
    tasks: dict[str, Task] = {}
    for document in documents:
        problems += variables.fill(document, parameters=True)
        found_executors, found = _executors(document)
        problems += found
        executors.update(found_executors)
        tasks.update({name: _task(each, document, name) for name, each in found_executors.items() if each})
    return Parameters(variables, executors, tuple(tasks.values()), problems)


def _task(executor: Executor, document: Document, name: str) -> Task:
    entry = Entry.model_construct(**{key: getattr(executor, key) for key in Executor.model_fields})
    return Task(entry, document, ("executors", name))


def _files(folder: Path, environ: Mapping[str, str]) -> tuple[list[Path], list[Problem]]:
    base = folder / "parameters.json"
    name = environ.get("DARA_ENV")
    if not name:
        return [base], []
    overlay = folder / f"parameters-{name}.json"
    if not _ENVIRONMENT.match(name):
        allowed = "the name of an environment has letters, digits, '.', '-' and '_'"
        wrong = f"DARA_ENV is '{shortened(name)}'; {allowed}"
        return [base], [Problem(base, 0, "", wrong, "Name the <env> of a parameters-<env>.json.")]
    if os.path.lexists(overlay):
        return [base, overlay], []
    known = Names(file.stem.removeprefix("parameters-") for file in sorted(folder.glob("parameters-*.json")))
    wrong = shortened(f"DARA_ENV is '{name}', but there is no parameters-{name}.json")
    return [base], [Problem(overlay, 0, "", wrong, known.remedy(name, "environments"))]


def _executors(document: Document) -> tuple[dict[str, Executor | None], list[Problem]]:
    declared = document.value.get("executors", {})
    if not isinstance(declared, dict):
        wrong = f"should be an object, is {kind_of(declared)}"
        remedy = 'Write {"name": {"format": "py", "compute_name": "..."}}.'
        return {}, [document.problem(("executors",), wrong, remedy)]
    executors: dict[str, Executor | None] = {}
    problems: list[Problem] = []
    for name, value in declared.items():
        executor, found = read_model(Executor, value, document, ("executors", name))
        problems += found
        executors[name] = executor
    return executors, problems
