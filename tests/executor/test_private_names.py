"""Which private names of Dagster the package uses: a new one is a decision, and each exists in this Dagster.

Run with the oldest and the newest Dagster of the range (`.ci/run`).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dara_dagster
from tests.executor.private_names import MEMBERS, NAMES

PACKAGE = Path(dara_dagster.__file__).parent
_PRIVATE = re.compile(r"_[a-z]\w*")
_NAMED_TUPLES = {"_replace", "_make", "_asdict", "_fields"}
_TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def _is_private(name: str) -> bool:
    """Whether a dotted name is one that Dagster's documentation does not have."""
    root, *rest = name.split(".")
    return root == "dagster_shared" or (root == "dagster" and any(map(_PRIVATE.fullmatch, rest)))


def _imported(tree: ast.Module) -> dict[str, str]:
    """Name in the module -> dotted name, for all that is imported at any place in it."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
    return found


def _defined(tree: ast.AST) -> set[str]:
    """The names that the module gives to functions, variables and attributes of `self`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= {node.attr} if ast.unparse(node.value) == "self" else set()
    return found


def _members(tree: ast.Module) -> Iterator[str]:
    """The private attributes that the module uses and does not define, and the methods it overrides."""
    defined, imported = _defined(tree), _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _PRIVATE.fullmatch(node.attr):
            is_module = isinstance(node.value, ast.Name) and node.value.id in ("dagster", "os")
            if node.attr not in defined | _NAMED_TUPLES and not is_module:
                yield node.attr
        if isinstance(node, ast.ClassDef):
            bases = [imported.get(base.id, "") for base in node.bases if isinstance(base, ast.Name)]
            for base in (_resolve(name) for name in bases if name.split(".")[0] == "dagster"):
                yield from (name for name in _defined(node) if _PRIVATE.fullmatch(name) and _has(base, name))


def _resolve(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError:
        return importlib.import_module(name)


def _has(owner: object, member: str) -> bool:
    """Whether the class has the member; attributes of its objects are read from its source."""
    assert inspect.isclass(owner)
    sources = (inspect.getsource(each) for each in owner.__mro__ if each.__module__.startswith("dagster"))
    return hasattr(owner, member) or any(re.search(rf"\bself\.{member}\b", source) for source in sources)


def test_the_private_names_in_use_are_those_of_the_list() -> None:
    found = {name for tree in _TREES.values() for name in _imported(tree).values() if _is_private(name)}
    assert found == set(NAMES)


def test_private_names_are_used_in_the_executor_only() -> None:
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path, tree in _TREES.items()
        if any(map(_is_private, _imported(tree).values()))
    }
    assert users == {"executor"}


def test_the_private_members_in_use_are_those_of_the_list() -> None:
    trees = [tree for path, tree in _TREES.items() if path.parent.name == "executor"]
    found = {member for tree in trees for member in _members(tree)}
    assert found == {member for members in MEMBERS.values() for member in members}


@pytest.mark.parametrize("name", sorted({*NAMES, *MEMBERS}))
def test_each_exists_in_the_installed_dagster(name: str) -> None:
    owner = _resolve(name)
    assert [member for member in MEMBERS.get(name, ()) if not _has(owner, member)] == []
