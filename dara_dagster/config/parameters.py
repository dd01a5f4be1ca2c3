"""Reads parameters.json and parameters-<env>.json: the variables of all files, and the executors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from dara_dagster.config.dialects.step_values import FILLED_KEYS, reference_fault, references
from dara_dagster.config.fields import Model
from dara_dagster.config.json_source import Array, Document, KeyPath, Object
from dara_dagster.config.kinds import FORMAT_HINT
from dara_dagster.config.models import Entry, Executor
from dara_dagster.config.rules.payload import payload_faults
from dara_dagster.config.source_files import read_document
from dara_dagster.config.spec import Executors, Task
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.config.validation import kind_of, read_model
from dara_dagster.config.variables import Variables
from dara_dagster.errors import Problem, shortened

_ENVIRONMENT = re.compile(r"[\w.-]+\Z")
_SHAPES = 'Write {"name": value}, or [{"ParameterKey": "name", "ParameterValue": value}].'


class Pair(Model):
    """One parameter in a file that is a list, as CloudFormation has them."""

    key: str = Field(alias="ParameterKey", min_length=1, description="The name of a variable, or executors.")
    value: Any = Field(alias="ParameterValue", description="Its value.")


class Parameters(NamedTuple):
    """The variables, what each executor's name stands for (as a task too, with its place), the problems."""

    variables: Variables
    executors: Executors
    executor_tasks: tuple[Task, ...]
    problems: list[Problem]


def read_parameters(folder: Path, environ: Mapping[str, str]) -> Parameters:
    """Return what the parameters files of a config folder say.

    The file of the environment that DARA_ENV names lies over parameters.json: key by key, and in
    objects (such as `executors`) one key deeper.
    """
    files, problems = _files(folder, environ)
    read = read_parameter_files(files, environ)
    return read._replace(problems=[*problems, *read.problems])


def read_parameter_files(files: Sequence[Path], environ: Mapping[str, str]) -> Parameters:
    """Return what these files say, a later one over the ones before it; one that is not there says
    nothing."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    documents: list[Document] = []
    pairs = False
    for file in files:
        document, is_list, found = _read(file)
        documents.append(document)
        problems += found
        pairs |= is_list
        for key, value in document.value.items():
            both = isinstance(value, dict) and isinstance(values.get(key), dict)
            values[key] = {**values[key], **value} if both else value
    variables = Variables(values, environ)
    declared: dict[str, Executor | None] = {}
    tasks: dict[str, Task] = {}
    for document in documents:
        problems += variables.fill(document, parameters=True)
        found_executors, found = _executors(document)
        problems += found
        for problem in _reference_faults(found_executors, document):
            variables.unfilled[problem.file, problem.key] = problem
            problems.append(problem)
        declared.update(found_executors)
        tasks.update({name: _task(each, document, name) for name, each in found_executors.items() if each})
    executors = Executors(declared, files[-1], pairs)
    return Parameters(variables, executors, tuple(tasks.values()), problems)


def _read(file: Path) -> tuple[Document, bool, list[Problem]]:
    """Return the file as an object by name, whether it is a list of pairs, and the problems; {} when not
    there."""
    document, problems = read_document(file)
    if document is None:
        return Document(file, "", Object()), False, problems
    if isinstance(document.value, Object):
        return document, False, problems
    if isinstance(document.value, Array):
        by_name, found = _by_name(document)
        document.value = by_name
        return document, True, [*problems, *found]
    message = f"the file should hold an object or a list of parameters, it holds {kind_of(document.value)}"
    problems.append(document.problem((), message, _SHAPES))
    return Document(file, "", Object()), False, problems


def _by_name(document: Document) -> tuple[Object, list[Problem]]:
    """Return the pairs of a list as an object whose keys stand where ParameterKey has them."""
    named, problems = Object(), []
    for index, item in enumerate(document.value):
        if not isinstance(item, Object):
            message = f"should be an object, is {kind_of(item)}"
            hint = 'Write {"ParameterKey": "name", "ParameterValue": value}.'
            problems.append(document.problem((index,), message, hint))
            continue
        pair, found = read_model(Pair, item, document, (index,))
        problems += found
        if pair is None:
            continue
        key_at, value_at = item.places["ParameterKey"][1], item.places["ParameterValue"][1]
        if pair.key in named:
            first = document.place(named.places[pair.key][0])[0]
            message = f"the parameter '{pair.key}' stands here again, first on line {first}"
            problems.append(document.problem((index, "ParameterKey"), message, "Remove one of the two."))
            continue
        named[pair.key] = item["ParameterValue"]
        named.places[pair.key] = (key_at, value_at)
    return named, problems


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
        message = f"DARA_ENV is '{shortened(name)}'; {allowed}"
        return [base], [Problem(base, 0, "", message, "Name the <env> of a parameters-<env>.json.")]
    if os.path.lexists(overlay):
        return [base, overlay], []
    known = Suggestions(
        file.stem.removeprefix("parameters-") for file in sorted(folder.glob("parameters-*.json"))
    )
    message = shortened(f"DARA_ENV is '{name}', but there is no parameters-{name}.json")
    return [base], [Problem(overlay, 0, "", message, known.hint(name, "environments"))]


def _executors(document: Document) -> tuple[dict[str, Executor | None], list[Problem]]:
    declared = document.value.get("executors", {})
    if not isinstance(declared, dict):
        message = f"should be an object, is {kind_of(declared)}"
        hint = 'Write {"name": {"format": "py", "compute_name": "..."}}.'
        return {}, [document.problem(("executors",), message, hint)]
    executors: dict[str, Executor | None] = {}
    problems: list[Problem] = []
    for name, value in declared.items():
        executor, found = read_model(Executor, value, document, ("executors", name))
        problems += found
        if isinstance(value, Object):
            problems += _faults(value, document, name)
        executors[name] = executor
    return executors, problems


def _faults(executor: Object, document: Document, name: str) -> Iterator[Problem]:
    """Yield what an executor lacks or has too much, and what is wrong in its task."""
    path: KeyPath = ("executors", name)
    if executor.get("format") is None and executor.get("task") is None:
        hint = f'{FORMAT_HINT}, or "task": a task of the Jobs API.'
        yield document.problem((*path, "format"), "format is missing", hint)
    elif executor.get("format") is not None and executor.get("task") is not None:
        hint = "Remove format, or remove task."
        yield document.problem((*path, "format"), "format does not go with task", hint)
    if isinstance(executor.get("task"), Object):
        for inner, message, hint in payload_faults(executor["task"]):
            yield document.problem((*path, "task", *inner), message, hint)


def _reference_faults(executors: Iterable[str], document: Document) -> Iterator[Problem]:
    """Yield the references to a STEP that have no value, or stand where none is filled in."""
    for name in executors:
        for place, reference in references(document.value["executors"][name]):
            path = ("executors", name, *place)
            if place and place[0] not in FILLED_KEYS:
                message = f"${{step.{reference}}} has no value in {place[0]}"
                yield document.problem(path, message, f"Use it in {' or '.join(FILLED_KEYS)}.")
            elif fault := reference_fault(reference):
                yield document.problem(path, *fault)
