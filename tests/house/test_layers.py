"""Who may import whom: one direction for data, and a wall around the emulator."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dara_dagster"

# The rooms in the order of the flow; each may import those before it.
ROOMS = ("errors", "config", "tasks", "workspace", "defs", "history", "api", "cli")
MAY_IMPORT: dict[str, set[str]] = {room: set(ROOMS[:place]) for place, room in enumerate(ROOMS)}
for room in ("defs", "history", "api", "cli"):
    MAY_IMPORT[room].add("executor")
MAY_IMPORT |= {
    "executor": set(),
    "emulator": set(),
    "lakebase": {"workspace", "executor"},  # the class that dagster.yaml names: where the two meet
    "__init__": {*ROOMS, "executor"} - {"cli"},
}
FOREIGN_ROOTS: dict[str, set[str]] = {
    # config: its judgement of a cron expression
    "dagster": {"config", "defs", "executor", "history", "api", "cli"},
    "dagster_postgres": {"executor"},
    "dagster_shared": {"executor"},
    "dotenv": {"config"},
    "sqlalchemy": {"executor"},
    "databricks": {"workspace"},
    "dagster_webserver": {"api"},
    "fastapi": {"api"},
    "starlette": {"emulator", "api"},
    "uvicorn": {"emulator", "api"},
    "pyspark": {"emulator"},
    "pysail": {"emulator"},
    "sqlglot": {"emulator"},
    "pandas": {"emulator"},
    "click": {"cli", "defs"},
    "rich": {"cli"},
}


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a file imports, inside functions as well."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def violations(path: Path) -> Iterator[str]:
    layer = layer_of(path)
    for line, name in imports_of(path):
        parts = name.split(".")
        place = f"{path.relative_to(ROOT)}:{line} imports {name}"
        if parts[0] == "dara_dagster" and len(parts) > 1:
            if parts[1] != layer and parts[1] not in MAY_IMPORT[layer]:
                yield place
        elif parts[0] in FOREIGN_ROOTS and layer not in FOREIGN_ROOTS[parts[0]]:
            yield place
        if parts[0].startswith("dagster") and any(p.startswith("_") for p in parts) and layer != "executor":
            yield f"{place}: private Dagster names belong in executor/"


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_layers(path: Path) -> None:
    assert list(violations(path)) == []


def test_every_layer_is_named() -> None:
    assert {layer_of(path) for path in python_files()} <= MAY_IMPORT.keys()


def test_emulator_imports_only_the_library_it_may() -> None:
    stdlib = sys.stdlib_module_names
    allowed = {"dara_dagster", "starlette", "uvicorn", "anyio", "pyspark", "pysail", "sqlglot", "pandas"}
    allowed |= {
        "packaging",
        "pyarrow",
        "grpc",
        "numpy",
        "google",
        "uvloop",
        "httptools",
        "python_multipart",
        "multipart",
    }
    foreign = {
        name.split(".")[0]
        for path in (PACKAGE / "emulator").rglob("*.py")
        for _, name in imports_of(path)
        if name.split(".")[0] not in stdlib
    }
    assert foreign <= allowed


# The rooms of the emulator in order; each may import those before it.
EMULATOR_ROOMS = ("core", "faults", "server", "services", "runtime", "pages", "composition", "__main__")
EMULATOR_MAY_IMPORT = {room: set(EMULATOR_ROOMS[:place]) for place, room in enumerate(EMULATOR_ROOMS)}
EMULATOR_MAY_IMPORT["pages"].remove("runtime")
# What runs inside the task process: a line of its own.
EMULATOR_MAY_IMPORT |= {"lake": {"core"}, "sail": {"core", "lake"}, "task": {"core", "lake", "sail"}}
for room in ("services", "runtime"):
    EMULATOR_MAY_IMPORT[room] |= {"lake", "task"}
# A saved job starts runs; all else a service is given when it is built.
SERVICES_MAY_IMPORT = {"jobs": {"runs"}}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def import_graph() -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports, inside functions and `if TYPE_CHECKING` as well."""
    paths = {module_of(path): path for path in python_files()}
    graph = {}
    for module, path in paths.items():
        names = [name for _, name in imports_of(path)]
        found = {name if name in paths else name.rpartition(".")[0] for name in names}
        graph[module] = (found & paths.keys()) - {module}
    return graph


def reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = graph[waiting.pop()] - seen
        seen |= fresh
        waiting.extend(fresh)
    return seen


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = import_graph()
    below = {module: reachable(module, graph) for module in graph}
    circles = [{module, *(one for one in below[module] if module in below[one])} for module in graph]
    assert [circle for circle in circles if len(circle) > 1] == []


def package_of(module: str) -> str:
    """The package inside `emulator.sail` that a module belongs to; itself when it lies in none."""
    parts = module.split(".")
    return ".".join(parts[:4]) if parts[:3] == ["dara_dagster", "emulator", "sail"] else module


def test_the_packages_of_sail_import_in_one_direction() -> None:
    packages: dict[str, set[str]] = {}
    for module, imported in import_graph().items():
        there = {package_of(one) for one in imported} - {package_of(module)}
        packages.setdefault(package_of(module), set()).update(there)
    circles = {name for name in packages if ".sail." in name and name in reachable(name, packages)}
    assert circles == set()


def emulator_violations(path: Path) -> Iterator[str]:
    room, *inner = path.relative_to(PACKAGE / "emulator").with_suffix("").parts
    for line, name in imports_of(path):
        there, *rest = name.split(".")[2:] or [""]
        if not name.startswith("dara_dagster.emulator."):
            continue
        service, other = (inner[0], rest[0]) if there == room == "services" else ("", "")
        allowed = there == room or there in EMULATOR_MAY_IMPORT[room]
        if not allowed or (service != other and other not in SERVICES_MAY_IMPORT.get(service, ())):
            yield f"{path.relative_to(ROOT)}:{line} imports {name}"


def test_the_rooms_of_the_emulator_import_in_one_direction() -> None:
    paths = [path for path in (PACKAGE / "emulator").rglob("*.py") if path.name != "__init__.py"]
    assert [found for path in paths for found in emulator_violations(path)] == []
