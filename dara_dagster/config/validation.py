"""Turns what pydantic refuses into problems with file, line, key, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dara_dagster.config.fields import FromSdk
from dara_dagster.config.json_source import Document, KeyPath
from dara_dagster.config.sdk_fields import unknown_key_hint
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.errors import Problem

ModelT = TypeVar("ModelT", bound=BaseModel)

_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    type(None): "null",
}
# pydantic's error types -> what the value should be.
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


# pydantic's error types -> what is wrong and what to write, with the names of the error's context.
_RANGES = {
    "greater_than_equal": ("too small", "Write {ge:g} or more."),
    "greater_than": ("too small", "Write more than {gt:g}."),
    "less_than_equal": ("too large", "Write {le:.10g} or less."),
    "string_too_short": ("too short", "Write at least {min_length} character."),
    "string_too_long": ("too long", "Write at most {max_length} characters."),
    "too_short": ("too short", "Write at least {min_length}."),
    "too_long": ("too long", "Write at most {max_length}."),
}


def read_model(
    model: type[ModelT], value: Any, document: Document, path: KeyPath, extra_keys: tuple[str, ...] = ()
) -> tuple[ModelT | None, list[Problem]]:
    """Validate `value`, which stands at `path`; gives the model or None, and every problem.

    Where keys are wrong the model is made of the others, so that they can be checked further; it is
    None when a wrong or missing key is one that it cannot do without. `extra_keys` are keys allowed
    beside the model's own, named when an unknown key is refused.
    """
    problems: dict[Problem, None] = {}
    left_out: set[str | int] = set()
    while True:
        try:
            return model.model_validate(value), list(problems)
        except ValidationError as error:
            details = error.errors(include_url=False)
        invalid: set[str | int] = set()
        for detail in details:
            loc, absent = detail["loc"], detail["type"] == "missing"
            if (absent and loc[0] in left_out) or _only_follows(detail, details):
                continue
            problems[_problem(model, detail, document, path, extra_keys)] = None
            invalid.update(() if absent and len(loc) == 1 else loc[:1])
        if not invalid or not isinstance(value, dict):
            return None, list(problems)
        left_out |= invalid
        value = {key: item for key, item in value.items() if key not in left_out}


def _only_follows(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is too short only because its wrong items are left out, as pydantic does."""
    depth = len(detail["loc"])
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > depth and other["loc"][:depth] == detail["loc"] for other in details
    )


def kind_of(value: Any) -> str:
    """Return the kind of a JSON value in words."""
    return _KINDS.get(type(value), "an object" if isinstance(value, dict) else "a list")


def _problem(
    model: type[BaseModel],
    detail: ErrorDetails,
    document: Document,
    path: KeyPath,
    extra_keys: tuple[str, ...],
) -> Problem:
    where = (*path, *detail["loc"])
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "dara":
        return document.problem(where, context["message"], context["hint"])
    if kind == "extra_forbidden":
        keys = [*_keys_at(model, detail["loc"][:-1]), *(extra_keys if len(detail["loc"]) == 1 else ())]
        hint = Suggestions(keys).hint(str(where[-1]), "keys", beside=document.keys(where[:-1]))
        hint = unknown_key_hint(hint) if issubclass(model, FromSdk) else hint
        return document.problem(where, f"unknown key '{where[-1]}'", hint, on_key=True)
    if kind == "missing":
        return document.problem(where, f"{where[-1]} is missing", f'Add "{where[-1]}".')
    if kind == "literal_error":
        choices = [choice.strip("'") for choice in context["expected"].replace(" or ", ", ").split(", ")]
        return document.problem(
            where, f"{_shown(given)} is not allowed", Suggestions(choices).hint(str(given), "values")
        )
    if wanted := _WANTED.get(kind):
        return document.problem(where, f"should be {wanted}, is {_described(given)}", f"Write {wanted}.")
    if kind in _RANGES:
        message, hint = _RANGES[kind]
        return document.problem(where, f"{_shown(given)} is {message}", hint.format(**context))
    return document.problem(where, f"{_shown(given)} is not allowed", f"{detail['msg']}.")


def _shown(value: Any) -> str:
    if isinstance(value, int | float):
        return str(value)
    return f"'{value}'" if isinstance(value, str) else kind_of(value)


def _described(value: Any) -> str:
    return f"the text '{value}'" if isinstance(value, str) else kind_of(value)


def _keys_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Return the keys allowed where `loc` leads to, as they are written in the file."""
    for part in loc:
        if isinstance(part, str):
            field = next(f for name, f in model.model_fields.items() if part in (f.alias, name))
            model = _model_in(field.annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
