"""Turns a task's settings into the spec its process reads, or into the outcome of a task that cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.task_kinds import find_payload_kind
from dara_dagster.emulator.runtime.references import UnknownReferenceError, resolve
from dara_dagster.emulator.runtime.task_packages import UnsupportedLibraryError, list_packages
from dara_dagster.emulator.services.compute.clusters import Clusters
from dara_dagster.emulator.services.objects.rules import Objects
from dara_dagster.emulator.services.runs.outcomes import (
    Outcome,
    file_missing,
    notebook_missing,
    platform_failure,
)
from dara_dagster.emulator.services.runs.records import Run, TaskRun

Spec = dict[str, Any]


@dataclass(frozen=True)
class CodeSources:
    """Where the code of tasks and what they run with comes from."""

    context: Context
    objects: Objects
    clusters: Clusters


def build_spec(sources: CodeSources, run: Run, task: TaskRun) -> Spec | Outcome:
    """Return the engine's spec of one attempt, or how it ends at once: missing code, a kind this workspace
    lacks."""
    kind = find_payload_kind(task.task)
    build = _BUILDERS.get(kind)
    if build is None:
        text = f"The local workspace cannot run a {kind}. Run it on Databricks, or simulate it in tests."
        return platform_failure("FEATURE_DISABLED", text)
    try:
        payload = resolve(sources.context, run, task, task.task[kind])
        env = resolve(sources.context, run, task, _read_environment(sources, run, task))
    except UnknownReferenceError as error:
        return platform_failure("INVALID_RUN_CONFIGURATION", str(error))
    spec = build(sources, run, task, payload)
    if isinstance(spec, Outcome):
        return spec
    on_cluster = [] if task.cluster_id is None else sources.clusters.library_statuses(task.cluster_id)
    try:
        packages = resolve(sources.context, run, task, list_packages(run.settings, task, on_cluster))
    except UnsupportedLibraryError as error:
        text = f"Library installation failed for library due to user error. {error}"
        return platform_failure("LIBRARY_INSTALLATION_ERROR", text)
    common = {
        "task_key": task.task_key,
        "run_id": task.run_id,
        "job_run_id": run.run_id,
        "job_id": run.job_id,
    }
    return {**spec, **common, "cluster_id": task.cluster_id, "env": env, "packages": packages}


def _build_notebook(
    sources: CodeSources, run: Run, _task: TaskRun, payload: Mapping[str, Any]
) -> Spec | Outcome:
    path = payload["notebook_path"]
    found = sources.objects.find(path)
    if found is None or found.object_type != "NOTEBOOK":
        return notebook_missing(path, sources.context.user)
    # A job parameter beats the task's of the same name (product documentation, Parameterize jobs).
    parameters = {**(payload.get("base_parameters") or {}), **run.parameters}
    return {"kind": "notebook", "path": path, "file": str(found.file), "parameters": parameters}


def _build_script(
    sources: CodeSources, _run: Run, _task: TaskRun, payload: Mapping[str, Any]
) -> Spec | Outcome:
    path = payload["python_file"]
    file = _find_file(sources, path)
    if isinstance(file, Outcome):
        return file
    return {"kind": "script", "path": path, "file": str(file), "parameters": payload.get("parameters") or []}


def _build_sql(sources: CodeSources, run: Run, _task: TaskRun, payload: Mapping[str, Any]) -> Spec | Outcome:
    if "file" not in payload:
        text = "The local workspace runs SQL files; saved queries, dashboards and alerts are not part of it."
        return platform_failure("FEATURE_DISABLED", text)
    path = payload["file"].get("path", "")
    file = _find_file(sources, path, what="SQL")
    if isinstance(file, Outcome):
        return file
    parameters = {**(payload.get("parameters") or {}), **run.parameters}
    return {"kind": "sql", "path": path, "file": str(file), "parameters": parameters}


def _build_wheel(sources: CodeSources, run: Run, task: TaskRun, payload: Mapping[str, Any]) -> Spec | Outcome:
    listed = [library["whl"] for library in task.task.get("libraries") or () if "whl" in library]
    for environment in run.settings.get("environments") or ():
        if environment.get("environment_key") == task.task.get("environment_key"):
            listed += (environment.get("spec") or {}).get("dependencies") or []
    package = payload["package_name"]
    wheels = [path.partition("[")[0] for path in listed if ".whl" in path]
    named = [path for path in wheels if _read_project_name(path) == package.replace("-", "_").lower()]
    file = _find_file(sources, (named or wheels)[0], what="wheel") if wheels else None
    if isinstance(file, Outcome):
        text = f"Library installation failed for library due to user error. {file.message}"
        return platform_failure("LIBRARY_INSTALLATION_ERROR", text)
    parameters = payload.get("named_parameters") or payload.get("parameters") or []
    return {
        "kind": "wheel",
        "path": package,
        "text": payload.get("entry_point", ""),
        "file": None if file is None else str(file),
        "parameters": parameters,
    }


def _read_project_name(path: str) -> str:
    return Path(path).name.partition("-")[0].replace("-", "_").lower()


_BUILDERS = {
    "notebook_task": _build_notebook,
    "spark_python_task": _build_script,
    "sql_task": _build_sql,
    "python_wheel_task": _build_wheel,
}


def _find_file(sources: CodeSources, path: str, what: str = "python") -> Path | Outcome:
    """Return the local file behind a workspace or volume path."""
    volume = path.removeprefix("dbfs:")
    if volume.startswith("/Volumes/"):
        file = _find_volume_file(sources.context.tables, volume)
        if file is not None and file.is_file():
            return file
    elif path.startswith("/"):
        found = sources.objects.find(path)
        if found is not None and found.object_type == "FILE":
            return found.file
        if found is not None:
            return file_missing(what, path, f"It is a {found.object_type.lower()}, not a file.")
    else:
        return file_missing(what, path, "Only /Workspace, /Users and /Volumes paths exist in this workspace.")
    return file_missing(what, path, "Please check that the file exists.")


def _find_volume_file(tables: Path, path: str) -> Path | None:
    """Return the local file behind `/Volumes/catalog/schema/volume/...`; None for a path that is not one."""
    parts = [part for part in path.split("/") if part and part != "."]
    if parts[:1] != ["Volumes"] or len(parts) < 4 or ".." in parts:
        return None
    catalog, schema, volume = (name.lower() for name in parts[1:4])
    return tables.joinpath(catalog, schema, "_volumes", volume, *parts[4:])


def _read_environment(sources: CodeSources, run: Run, task: TaskRun) -> dict[str, str]:
    """Return the environment variables: of the cluster, or of the serverless set the task names."""
    if task.cluster_id is not None:
        spec = sources.clusters.show(task.cluster_id)
        return dict(spec.get("spark_env_vars") or {})
    for entry in run.settings.get("environment_variables") or ():
        if entry.get("environment_variables_key") == task.task.get("environment_variables_key"):
            return {str(name): str(value) for name, value in (entry.get("variables") or {}).items()}
    return {}
