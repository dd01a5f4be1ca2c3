"""`${step...}` in an executor: what one STEP says, put into the task that its executor stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dara_dagster.config.json_source import KeyPath
from dara_dagster.config.suggestions import Suggestions

# What a reference to a STEP begins with, and the keys of an executor in which it may stand.
PREFIX = "step."
FILLED_KEYS = ("task", "parameters")
PROPERTY = "properties."
# The values of every STEP; beside them `properties.NAME` is one of its STEP_PROPERTIES.
VALUES = ("job_id", "job_name", "level_id", "thread_id", "executor")

_REFERENCE = re.compile(r"(\$?)\$\{\s*step\.([^{}]*?)\s*\}")


class MissingProperty(Exception):
    """STEP_PROPERTIES lacks the one of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def references(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Yield the place of every text that refers to a STEP, with what it refers to (`job_name`)."""
    if isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            if not match.group(1):
                yield path, match.group(2)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))


def reference_fault(name: str) -> tuple[str, str] | None:
    """Return what is wrong with a reference to a STEP, and the hint; None when every STEP may have it."""
    if name in VALUES or (name.startswith(PROPERTY) and name != PROPERTY):
        return None
    known = [f"step.{value}" for value in VALUES]
    hint = Suggestions(known).nearest(f"step.{name}")
    choice = f"Did you mean ${{{hint}}}?" if hint else f"Known: {', '.join(known)} and step.properties.NAME."
    return f"${{step.{name}}} has no value", choice


def filled(value: Any, step: Mapping[str, str], properties: Mapping[str, Any]) -> Any:
    """Return the value with its references replaced; a text that is one reference takes the value's own kind.

    Raises MissingProperty.
    """
    if isinstance(value, dict):
        return {key: filled(item, step, properties) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, step, properties) for item in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole and not whole.group(1):
        return _value(whole.group(2), step, properties)

    def put(match: re.Match[str]) -> str:
        if match.group(1):
            return match.group()[1:]
        found = _value(match.group(2), step, properties)
        return as_text(found)

    return _REFERENCE.sub(put, value)


def as_text(value: Any) -> str:
    """Return the value as a parameter has it: what is no text is JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def first_key(name: str, properties: Mapping[str, Any]) -> str | None:
    """Return the one of STEP_PROPERTIES that `properties.NAME` reads."""
    parts = name.removeprefix(PROPERTY).split(".")
    return next((key for key, _ in _heads(parts) if key in properties), None)


def _value(name: str, step: Mapping[str, str], properties: Mapping[str, Any]) -> Any:
    if not name.startswith(PROPERTY):
        return step.get(name, f"${{step.{name}}}")  # an unknown one is reported where the executor stands
    found, value = _look_up(name.removeprefix(PROPERTY).split("."), properties)
    if not found:
        raise MissingProperty(name.removeprefix(PROPERTY))
    return value


def _look_up(parts: Sequence[str], node: Any) -> tuple[bool, Any]:
    """Return whether there is something at that path, and what; a key may have dots in it (`spark.cores`)."""
    if not parts:
        return True, node
    for key, rest in _heads(parts) if isinstance(node, Mapping) else ():
        if key in node:
            found, value = _look_up(rest, node[key])
            if found:
                return True, value
    return False, None


def _heads(parts: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield every way to take a first key off the path, the longest key first."""
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count]), parts[count:]
