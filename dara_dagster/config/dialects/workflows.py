"""Reads a workflow file: tells its shape by its keys and hands its items to that shape's reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from dara_dagster.config.dialects.entries import read_entries
from dara_dagster.config.dialects.level_thread_step import read_definition
from dara_dagster.config.dialects.step_models import StepsOptions
from dara_dagster.config.dialects.steps import read_steps
from dara_dagster.config.fields import name_fault
from dara_dagster.config.json_source import Array, Document, KeyPath, Object
from dara_dagster.config.models import WorkflowOptions
from dara_dagster.config.spec import Executors, Items, Shape, Workflow
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.config.validation import kind_of, read_model
from dara_dagster.errors import Problem


class _Form(NamedTuple):
    """A shape: what its items are called, the keys that tell them, and what reads them."""

    item: str
    detected_by: frozenset[str]
    read: Callable[[Items, Executors], tuple[dict[str, Any], list[Problem]]]


_FORMS: Mapping[Shape, _Form] = {
    "tasks": _Form("an entry", frozenset({"file_name", "dependent_on"}), read_entries),
    "definition": _Form("a LEVEL", frozenset({"LEVEL_ID", "THREADS", "STEPS", "JOB_ID"}), read_definition),
    "steps": _Form("a step", frozenset({"uses"}), read_steps),
}
_CHOOSE = f"A workflow has one of {', '.join(_FORMS)}."


def read_workflow(
    document: Document, name: str, executors: Executors
) -> tuple[Workflow | None, list[Problem]]:
    """Return the workflow of one file, called `name` unless it names itself; None when its shape is
    unknown."""
    shape, problems = _shape(document)
    if shape is None:
        return None, problems
    items: Any = document.value
    model = StepsOptions if shape == "steps" else WorkflowOptions
    options = model()
    path: KeyPath = ()
    if isinstance(items, Object):
        beside = (shape, "engine") if shape == "definition" else (shape,)
        written = {key: value for key, value in items.items() if key not in beside}
        read, problems = read_model(model, written, document, (), beside)
        options = read or options
        items, path = items[shape], (shape,)
    if not isinstance(items, Array):
        problems.append(document.problem(path, f"should be a list, is {kind_of(items)}", "Write [ ... ]."))
        return None, problems
    if options.name is None and (message := name_fault(name)):
        hint = 'Write "name" into it, or rename the file.'
        problems.append(
            document.problem(("name",), f"the workflow is called after its file: {message}", hint)
        )
    workflow = Workflow(options.name or name, document, options, shape)
    fitting, found = _fitting(Items(document, path, tuple(enumerate(items))), shape)
    content, more = _FORMS[shape].read(fitting, executors)
    problems += found + more
    workflow = replace(workflow, **content)
    if not (found or more or workflow.tasks or workflow.steps):
        problems.append(document.problem(path, "the workflow has no tasks", "Add one, or remove the file."))
    return workflow, problems


def _shape(document: Document) -> tuple[Shape | None, list[Problem]]:
    value = document.value
    if isinstance(value, Array):
        return next((form for item in value if (form := _form_of(item))), "tasks"), []
    if not isinstance(value, Object):
        message = f"the file should hold a list or an object, it holds {kind_of(value)}"
        return None, [document.problem((), message, _CHOOSE)]
    shapes: list[Shape] = [shape for shape in _FORMS if shape in value]
    if len(shapes) == 1:
        return shapes[0], []
    if shapes:
        message = f"the file mixes shapes: {' and '.join(shapes)}"
        return None, [document.problem((shapes[1],), message, _CHOOSE, on_key=True)]
    near = next((key for key in value if Suggestions(_FORMS).nearest(key)), None)
    if near is None:
        return None, [document.problem((), "the workflow has no work in it", _CHOOSE)]
    hint = Suggestions(_FORMS).hint(near, "keys")
    return None, [document.problem((near,), f"unknown key '{near}'", hint, on_key=True)]


def _form_of(item: Any) -> Shape | None:
    """Return the shape an item belongs to, as far as its keys tell."""
    return next((shape for shape in _FORMS if _is_detected(item, shape)), None)


def _is_detected(item: Any, shape: Shape) -> bool:
    return isinstance(item, Object) and not _FORMS[shape].detected_by.isdisjoint(item)


def _fitting(items: Items, shape: Shape) -> tuple[Items, list[Problem]]:
    """Return the items that may be of this shape, and a problem for each that is of another."""
    fitting: list[tuple[int, Any]] = []
    problems: list[Problem] = []
    for index, item in items.found:
        other = shape if _is_detected(item, shape) else _form_of(item)
        if other is None or other == shape:
            fitting.append((index, item))
        else:
            message = f"the file mixes shapes: {_FORMS[other].item} ({other}) among {shape}"
            problems.append(
                items.document.problem((*items.path, index), message, f"{_CHOOSE} Use two files.")
            )
    return items._replace(found=tuple(fitting)), problems
