"""Reads the steps of a step pipeline."""

from __future__ import annotations

from typing import Any

from dara_dagster.config.dialects.step_models import BUILT_IN, StepItem
from dara_dagster.config.fields import OBJECT
from dara_dagster.config.json_source import Document, KeyPath
from dara_dagster.config.models import Entry, FileWork
from dara_dagster.config.spec import Executors, Items, Step, Task
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.config.validation import read_model
from dara_dagster.errors import Problem


def read_steps(items: Items, executors: Executors) -> tuple[dict[str, Any], list[Problem]]:
    """Return the workflow's `steps`, and the problems of theirs."""
    document = items.document
    steps: list[Step] = []
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    for index, value in items.found:
        path = (*items.path, index)
        item, found = read_model(StepItem, value, document, path)
        problems += found
        if item is None:
            continue
        name = item.name or item.uses.rpartition(":")[2]
        if name in lines:
            message = f"a second step named '{name}', the first is on line {lines[name]}"
            problems.append(document.problem((*path, "name"), message, 'Give this one another "name".'))
        lines.setdefault(name, document.line(path))
        step, found = _step(item, name, document, path)
        problems += found
        steps.append(step)
    return {"steps": tuple(steps)}, problems


def _step(item: StepItem, name: str, document: Document, path: KeyPath) -> tuple[Step, list[Problem]]:
    """Return the step with its settings checked; those of a class of the user's own are left as they are."""
    step = Step(name, item.uses, item.settings, document, path)
    if OBJECT.match(item.uses):
        return step, []
    if item.uses not in BUILT_IN:
        hint = (
            f"{Suggestions(BUILT_IN).hint(item.uses, 'steps')} A class of your own is written module:Class."
        )
        return step, [document.problem((*path, "uses"), f"there is no step '{item.uses}'", hint)]
    within = (*path, "settings")
    settings, problems = read_model(BUILT_IN[item.uses], item.settings, document, within)
    if settings is None:
        return step, problems
    task = None
    if isinstance(settings, FileWork):
        entry = Entry.model_construct(
            name=name, **{key: getattr(settings, key) for key in type(settings).model_fields}
        )
        task = Task(entry, document, within)
    return Step(name, item.uses, settings.model_dump(mode="json"), document, path, task), problems
