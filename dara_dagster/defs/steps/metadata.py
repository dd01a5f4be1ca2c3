"""Turns what a step left into metadata: short enough for the event log to keep, and never an error."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dagster import MetadataValue
from pydantic_core import to_jsonable_python

if TYPE_CHECKING:  # reading the history loads no SDK
    from dara_dagster.defs.steps.context import StepContext

__all__ = ["CONTEXT_METADATA", "context_metadata", "left_metadata"]

CONTEXT_METADATA = "context"
_LARGEST = 100_000
# Characters of a text and items of a list or mapping; the first that makes the whole small enough is used.
_CUTS = ((2_000, 100), (500, 20), (100, 5), (20, 3))
_LEFT_CUTS = ((20_000, 100), *_CUTS)
# What pydantic writes for a SecretStr, and the last words of names whose text is a secret.
_HIDDEN = "**********"
_SECRET = re.compile(
    r"(.*[^a-z])?(password|passwd|passphrase|secret|token|credentials?|((api|access|private|secret)[^a-z]?key))",
    re.IGNORECASE | re.DOTALL,
)
_DEEPEST = 6
_BASE = ("parameters", "file", "done", "values")


def context_metadata(context: StepContext) -> dict[str, MetadataValue[Any]]:
    """Return the context as JSON, without the parameters, which the run's config shows.

    What is long is cut; a text under a name that ends in `password`, `token` or the like is left out.
    """
    return {CONTEXT_METADATA: MetadataValue.json(_small(_as_data(context), _CUTS))}


def left_metadata(
    context: StepContext, step: str, before: Mapping[str, Any]
) -> dict[str, MetadataValue[Any]]:
    """Return what the step left, each value under its name as Dagster's UI shows it best.

    `before` holds the fields and values of the context that the step was given. Secrets are left out and
    what is long is cut, as in the whole context.
    """
    mark, others = f"{step}.", tuple(f"{name}." for name in context.done)
    named = {
        name.removeprefix(mark): value for name, value in context.values.items() if name.startswith(mark)
    }
    for name, value in context.values.items():
        if not name.startswith(others) and before.get(name) is not value:
            named.setdefault(name, value)
    left = {name: _item(value) for name, value in named.items()}
    for name, value in context:
        if name not in _BASE and value is not None and before.get(name) is not value:
            left |= _field(context, name, value)
    shown = _small(left, _LEFT_CUTS)
    return {name: _shown(name, value) for name, value in shown.items() if value is not None}


def _shown(name: str, value: Any) -> MetadataValue[Any]:
    if name == "url":
        return MetadataValue.url(str(value))
    if isinstance(value, bool):
        return MetadataValue.bool(value)
    if isinstance(value, int):
        return MetadataValue.int(value)
    if isinstance(value, float):
        return MetadataValue.float(value)
    return MetadataValue.text(value) if isinstance(value, str) else MetadataValue.json(value)


def _small(found: Mapping[str, Any], cuts: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """Cut `found` as little as makes its JSON small enough for the event log."""
    shown: dict[str, Any] = {}
    for cut in cuts:
        shown = _brief(found, *cut)
        if len(json.dumps(shown)) <= _LARGEST:
            break
    return shown


def _as_data(context: StepContext) -> dict[str, Any]:
    """Return the context as pydantic dumps it, so that excluded and secret fields stay hidden."""
    try:
        return _dump(context, set(dict(context)))
    except Exception:  # a value that JSON has no words for; whatever it is, the step's work is done
        parts = [_field(context, name, value) for name, value in context]
        return {name: value for part in parts for name, value in part.items()}


def _dump(context: StepContext, names: set[str]) -> dict[str, Any]:
    names = names - {"parameters"}
    return context.model_dump(mode="json", fallback=_text, include=names, warnings=False)


def _field(context: StepContext, name: str, value: Any) -> dict[str, Any]:
    try:
        return _dump(context, {name})
    except Exception:
        if isinstance(value, Mapping):
            return {name: {str(key): _item(item) for key, item in value.items()}}
        return {name: _text(value)}


def _item(value: Any) -> Any:
    try:
        return to_jsonable_python(value, fallback=_text)
    except Exception:
        return _text(value)


def _text(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _brief(value: Any, longest: int, most: int, depth: int = 0) -> Any:
    """Return `value`, which JSON can hold, with what is long cut and what is deep left out."""
    if isinstance(value, str):
        return _cut(value, longest)
    if isinstance(value, float) and not math.isfinite(value):  # browsers cannot read it
        return repr(value)
    if isinstance(value, Mapping | list | tuple):
        return "..." if depth == _DEEPEST else _brief_items(value, longest, most, depth + 1)
    return value


def _brief_items(
    value: Mapping[str, Any] | list[Any] | tuple[Any, ...], longest: int, most: int, depth: int
) -> Any:
    more = len(value) - most
    if isinstance(value, Mapping):
        open_items = [(name, item) for name, item in value.items() if not _is_secret(str(name), item)]
        first, more = open_items[:most], len(open_items) - most
        shown = {_cut(name, longest): _brief(item, longest, most, depth) for name, item in first}
        return {**shown, "...": f"{more} more"} if more > 0 else shown
    items = [_brief(item, longest, most, depth) for item in value[:most]]
    return [*items, f"... {more} more"] if more > 0 else items


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and (value == _HIDDEN or _SECRET.fullmatch(name) is not None)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"
