"""Reads from the installed databricks-sdk which fields a request has, without importing it.

An import of the SDK takes seconds; its source says the same, and a newer SDK knows newer fields.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["SdkField", "fields_of", "parameters_of"]

_INNER = re.compile(r"\w+(?=\]*$)")


@dataclass(frozen=True)
class SdkField:
    """A field of a class of the SDK: `kind` is the class in it, where it is one."""

    required: bool
    kind: str


@cache
def fields_of(module: str, name: str) -> Mapping[str, SdkField]:
    """Return the fields of a dataclass of `databricks.sdk.service.<module>`; none when the SDK has no such
    class."""
    found = _class(module, name)
    if found is None:
        return {}
    return {
        each.target.id: SdkField(each.value is None, _kind(ast.unparse(each.annotation)))
        for each in found.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }


@cache
def parameters_of(module: str, name: str, method: str) -> frozenset[str]:
    """Return the parameters of a method of a class there; none when the SDK has no such method."""
    text = _slice(_source(module), f"\nclass {name}:", "\nclass ")
    code = _slice(text, f"\n    def {method}(", "\n    def ").strip("\n")
    found = re.search(r"\)\s*(?:->[^:]*)?:\n", code)
    if found is None:
        return frozenset()
    [function] = ast.parse(f"{code[: found.end()].lstrip()}    pass\n").body
    assert isinstance(function, ast.FunctionDef)
    names = [*function.args.args, *function.args.kwonlyargs]
    return frozenset(each.arg for each in names) - {"self"}


def _class(module: str, name: str) -> ast.ClassDef | None:
    text = _slice(_source(module), f"\nclass {name}:", "\n@dataclass", "\nclass ")
    found = ast.parse(text).body if text else []
    return found[0] if found and isinstance(found[0], ast.ClassDef) else None


def _slice(text: str, begin: str, *ends: str) -> str:
    """Return the text from `begin` up to the first of `ends` behind it; "" when there is no `begin`."""
    start = text.find(begin)
    if start < 0:
        return ""
    behind = [place for end in ends if (place := text.find(end, start + len(begin))) >= 0]
    return text[start : min(behind, default=len(text))]


@cache
def _source(module: str) -> str:
    spec = find_spec("databricks")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder) / "sdk" / "service" / f"{module}.py"
        try:
            return file.read_text(encoding="utf-8")
        except OSError:
            continue
    return ""


def _kind(annotation: str) -> str:
    """Return `NotebookTask` of `Optional[NotebookTask]`."""
    found = _INNER.search(annotation)
    return found.group() if found else ""
