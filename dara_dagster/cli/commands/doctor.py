"""`dara doctor`: checks everything a run needs and says what is wrong and how to put it right."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.project import config_option, home_folder, json_option, load_plan, open_instance
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import ConfigError, DaraError
from dara_dagster.history.durations import counted

if TYPE_CHECKING:
    from dara_dagster.config.plan import Plan

__all__ = ["doctor"]

_EMULATOR_PACKAGES = ("pysail", "pyspark", "pandas", "sqlglot")
_PACKAGES = ("dara-dagster", "dagster", "databricks-sdk", "pydantic")


@dataclass(frozen=True)
class _Finding:
    """One check; `remedy` is empty when it is OK."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""


@click.command()
@config_option
@json_option
def doctor(config_dir: Path, as_json: bool) -> None:
    """Check what a run needs and say what is missing.

    Checks Python, packages, config, workspace, credentials, and the task store that holds the runs. Exit
    code 1 when something has to be put right.
    """
    findings = []
    for finding in _look(config_dir):
        findings.append(finding)
        if not as_json:
            say(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}: {finding.detail}")
            if finding.remedy:
                say(f"     {finding.remedy}")
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


def _look(config_dir: Path) -> Iterator[_Finding]:
    yield _Finding("Python", sys.version_info >= (3, 10), ".".join(map(str, sys.version_info[:3])))
    yield _packages()
    try:
        plan = load_plan(config_dir)
    except ConfigError as error:
        detail = f"{counted(len(error.problems), 'problem')} in {config_dir}"
        yield _Finding("Config", False, detail, "`dara validate` lists them.")
    else:
        yield _Finding("Config", True, f"{config_dir}, {counted(len(plan.workflows), 'workflow')}")
        yield _notebooks(plan)
        if plan.workspace == "emulator":
            yield _emulator_packages()
        yield _try("Workspace", lambda: _workspace(plan))
    yield _try("Task store", lambda: _task_store(config_dir))


def _try(what: str, look: Callable[[], str]) -> _Finding:
    try:
        return _Finding(what, True, look())
    except DaraError as error:
        return _Finding(what, False, str(error))


def _packages() -> _Finding:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            return _Finding("Packages", False, f"{name} is not installed", "Run: pip install dara-dagster")
    return _Finding("Packages", True, ", ".join(found))


def _emulator_packages() -> _Finding:
    missing = [name for name in _EMULATOR_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        remedy = "Run: pip install 'dara-dagster[emulator]'"
        return _Finding("Local Spark", False, f"not installed: {', '.join(missing)}", remedy)
    return _Finding("Local Spark", True, f"pysail {version('pysail')}")


def _notebooks(plan: Plan) -> _Finding:
    files = {task.file for workflow in plan.workflows for task in workflow.tasks if task.file}
    return _Finding("Notebooks", True, f"{counted(len(files), 'task file')} in {plan.notebooks}")


def _workspace(plan: Plan) -> str:
    from dara_dagster.workspace.client import current_user, open_workspace

    workspace = open_workspace(plan.workspace, root=plan.root, settings=plan.poll)
    kind = "local workspace" if plan.workspace == "emulator" else "Databricks"
    return f"{kind} at {workspace.host}, as {current_user(workspace)}"


def _task_store(config_dir: Path) -> str:
    home = home_folder(config_dir)
    if (home / "dagster.yaml").exists():
        with open_instance(config_dir) as instance:
            from dara_dagster.executor.task_store import describe_store

            return f"{describe_store(instance)}, {counted(instance.get_runs_count(), 'run')}"
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        raise DaraError(f"{nearest} is not writable. Make it so, or set DAGSTER_HOME to another folder.")
    return f"SQLite {home} (will be made)"
