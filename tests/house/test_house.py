"""The house rules that a reader would otherwise have to trust: names, sizes, top level."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dara_dagster
from tests.house.test_layers import ROOMS

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    "dara_dagster",
    "dagster_project",
    "config",
    "tests",
    "workspace.yaml",
    "pyproject.toml",
    "README.md",
}
MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.check_output(["git", "ls-files", *patterns], cwd=ROOT, text=True)
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_top_level_is_the_agreed_one() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_a_fresh_clone_has_the_home_that_the_commands_of_the_readme_name() -> None:
    assert ROOT / ".dagster" / ".gitkeep" in tracked(".dagster")  # Dagster refuses a home that is not there


@pytest.mark.parametrize("path", tracked("*.py"), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MAX_FILE_LINES, f"{lines} lines"
    too_long = [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno + 1 > MAX_FUNCTION_LINES]
    assert too_long == []


def test_public_names_exist_and_are_listed() -> None:
    for name in dara_dagster.__all__:
        assert getattr(dara_dagster, name) is not None
    assert sorted(dara_dagster.__all__) == list(dara_dagster.__all__)
    assert set(dara_dagster.__all__) <= set(dir(dara_dagster))


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = dara_dagster.no_such_name


@pytest.mark.parametrize("module", [*ROOMS, "executor"])
def test_all_lists_only_what_is_there(module: str) -> None:
    loaded = importlib.import_module(f"dara_dagster.{module}")
    for name in getattr(loaded, "__all__", ()):
        assert hasattr(loaded, name), f"dara_dagster.{module}.{name}"


@pytest.mark.parametrize("module", ["", ".config", ".emulator", ".cli"])
def test_light_imports_load_neither_dagster_nor_the_sdk(module: str) -> None:
    heavy = "('dagster', 'databricks.sdk', 'pyspark')"
    code = f"import sys, dara_dagster{module}; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_no_file_names_a_registry_host() -> None:
    for path in tracked():
        if path.suffix in {".png"}:
            continue
        text = path.read_text(errors="replace")
        assert ("files." + "pythonhosted") not in text, path
    assert not [path for path in tracked() if path.name in {"uv.lock", "poetry.lock"}]


def test_the_wheel_holds_the_package_alone_with_its_licence_changelog_and_types() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert 'packages = ["dara_dagster"]' in text
    assert 'license-files = ["dara_dagster/LICENSE"]' in text
    for name in ("LICENSE", "CHANGELOG.md", "py.typed", "docs/settings.md"):
        assert ROOT / "dara_dagster" / name in tracked("dara_dagster")


def test_code_and_docs_cite_public_pages_only() -> None:
    for path in tracked("*.py", "*.md"):
        cited = re.findall(r"[\w/-]+\.md\b", path.read_text())
        ours = {
            each for each in cited if "databricks-api" in each or "/reference/" in each or "DESIGN" in each
        }
        assert path == Path(__file__) or not ours, path


def test_the_files_that_the_architecture_page_names_are_there() -> None:
    package = ROOT / "dara_dagster"
    named = re.findall(r"`([a-z_]+/[a-z_/]+(?:\.py|/))`", (package / "docs" / "architecture.md").read_text())
    assert len(named) > 20
    assert [name for name in named if not ((package / name).exists() or (ROOT / name).exists())] == []
