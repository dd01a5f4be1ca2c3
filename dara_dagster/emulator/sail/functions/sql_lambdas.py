"""Higher-order functions that Sail lacks, by those it has: zip_with, transform_keys, map_filter, ..."""

from __future__ import annotations

import itertools

from dara_dagster.emulator.sail.syntax.calls import Call, call
from dara_dagster.emulator.sail.syntax.grammar import Pattern
from dara_dagster.emulator.sail.syntax.tokens import substitute_names, unquote

_EXPLODES = {"EXPLODE", "POSEXPLODE"}
_LAMBDA = Pattern("(<parameters:group> | <parameters:word>) '->' <body:rest>")


def _body(text: str, *values: str) -> str | None:
    """Return the body of a lambda with values in place of its parameters; None when it does not have as
    many."""
    match = _LAMBDA.match(text)
    names = [unquote(name).lower() for name in match.items("parameters")] if match else []
    if match is None or len(names) != len(values):
        return None
    return f"({substitute_names(match['body'], dict(zip(names, values, strict=True)))})"


def _free(letter: str, call: Call) -> str:
    """Return a name that the call does not use yet: lambdas stand in each other."""
    used = " ".join(call.arguments)
    return next(name for n in itertools.count() if (name := f"_{letter}{n}") not in used)


@call("zip_with")
def _zip_with(call: Call) -> str | None:
    """Fill up the shorter array with nulls, as arrays_zip does."""
    if len(call.arguments) != 3:
        return None
    left, right, function = call.arguments
    i = _free("i", call)
    body = _body(function, f"get({left}, {i})", f"get({right}, {i})")
    return body and f"transform(arrays_zip({left}, {right}), ({_free('z', call)}, {i}) -> {body})"


@call("transform_keys")
def _transform_keys(call: Call) -> str | None:
    if len(call.arguments) != 2:
        return None
    pairs, function = call.arguments
    e = _free("e", call)
    body = _body(function, f"{e}.key", f"{e}.value")
    return body and f"map_from_arrays(transform(map_entries({pairs}), {e} -> {body}), map_values({pairs}))"


@call("transform_values")
def _transform_values(call: Call) -> str | None:
    if len(call.arguments) != 2:
        return None
    pairs, function = call.arguments
    e = _free("e", call)
    body = _body(function, f"{e}.key", f"{e}.value")
    return body and f"map_from_arrays(map_keys({pairs}), transform(map_entries({pairs}), {e} -> {body}))"


@call("map_filter")
def _map_filter(call: Call) -> str | None:
    if len(call.arguments) != 2:
        return None
    pairs, function = call.arguments
    e = _free("e", call)
    body = _body(function, f"{e}.key", f"{e}.value")
    return body and f"map_from_entries(filter(map_entries({pairs}), {e} -> {body}))"


@call("map_zip_with")
def _map_zip_with(call: Call) -> str | None:
    if len(call.arguments) != 3:
        return None
    left, right, function = call.arguments
    k = _free("k", call)
    body = _body(function, k, f"try_element_at({left}, {k})", f"try_element_at({right}, {k})")
    keys = f"array_union(map_keys({left}), map_keys({right}))"
    return body and f"map_from_arrays({keys}, transform({keys}, {k} -> {body}))"


@call("map")
def _map(call: Call) -> str | None:
    """Make values that may be null: explode() of others breaks Sail 0.7.2 off."""
    if len(call.arguments) % 2 or not _EXPLODES & call.around:
        return None
    pairs = zip(call.arguments[::2], call.arguments[1::2], strict=True)
    return f"map({', '.join(f'{key}, if(true, {value}, NULL)' for key, value in pairs)})"


@call("map_from_arrays")
def _map_from_arrays(call: Call) -> str | None:
    if len(call.arguments) != 2 or not _EXPLODES & call.around:
        return None
    keys, values = call.arguments
    return f"map_from_arrays({keys}, transform({values}, _v -> if(true, _v, NULL)))"
