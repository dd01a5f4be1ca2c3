"""Reads from the installed databricks-sdk which fields a request has, without importing it.

An import of the SDK takes seconds; its source says the same, and a newer SDK knows newer fields.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

__all__ = ["SdkField", "fields_of", "members_of", "parameters_of", "unknown_key_hint"]

_INNER = re.compile(r"\w+(?=\]*$)")


@dataclass(frozen=True)
class SdkField:
    """A field of a class of the SDK, or a parameter of a method, with its type as it is written."""

    required: bool
    annotation: str

    @property
    def kind(self) -> str:
        """Return the class in the annotation, such as `NotebookTask` of `Optional[NotebookTask]`."""
        found = _INNER.search(self.annotation)
        return found.group() if found else ""


@cache
def fields_of(module: str, name: str) -> Mapping[str, SdkField]:
    """Return the fields of a dataclass of `databricks.sdk.service.<module>`; none when the SDK has no such
    class."""
    return {
        each.target.id: SdkField(each.value is None, ast.unparse(each.annotation))
        for each in _body(module, f"{name}:")
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }


def members_of(module: str, name: str) -> tuple[str, ...]:
    """Return the values of an enum there; none when the SDK has no such enum."""
    return tuple(
        str(ast.literal_eval(each.value))
        for each in _body(module, f"{name}(Enum):")
        if isinstance(each, ast.Assign)
    )


def parameters_of(module: str, name: str, method: str) -> Mapping[str, SdkField]:
    """Return the parameters of a method of a class there; none when the SDK has no such method."""
    text = _slice(_source(module), f"\nclass {name}:", "\nclass ")
    code = _slice(text, f"\n    def {method}(", "\n    def ").strip("\n")
    found = re.search(r"\)\s*(?:->[^:]*)?:\n", code)
    if found is None:
        return {}
    [function] = ast.parse(f"{code[: found.end()].lstrip()}    pass\n").body
    assert isinstance(function, ast.FunctionDef)
    return {
        each.arg: SdkField(each in function.args.args, ast.unparse(each.annotation))
        for each in (*function.args.args, *function.args.kwonlyargs)
        if each.annotation
    }


def unknown_key_hint(hint: str) -> str:
    """Return the hint for a key that the SDK does not have: with its version, unless it names a key."""
    if hint.startswith(("Did you mean", "Remove it")):
        return hint
    return f"{hint} databricks-sdk {version('databricks-sdk')} knows no such key; a newer one may."


def _body(module: str, head: str) -> list[ast.stmt]:
    """Return the statements before the first method of the class that begins with `head`."""
    text = _slice(_source(module), f"\nclass {head}", "\n    def ", "\n@dataclass", "\nclass ")
    found = ast.parse(text).body if text else []
    return found[0].body if found and isinstance(found[0], ast.ClassDef) else []


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
