"""Resolves the dynamic value references (`{{job.run_id}}`, `{{tasks.a.values.b}}`, ...) in task settings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from dara_dagster.emulator.core.context import WORKSPACE_ID, Context
from dara_dagster.emulator.core.task_kinds import find_code_path
from dara_dagster.emulator.services.runs.records import Run, TaskRun

_REFERENCE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_PART = re.compile(r"`([^`]*)`|([A-Za-z0-9_-]+)")

_DATES: Mapping[str, Callable[[datetime], str]] = {
    "iso_date": lambda at: at.date().isoformat(),
    "iso_datetime": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S"),
    "year": lambda at: str(at.year),
    "month": lambda at: str(at.month),
    "day": lambda at: str(at.day),
    "hour": lambda at: str(at.hour),
    "minute": lambda at: str(at.minute),
    "second": lambda at: str(at.second),
    "timestamp_ms": lambda at: str(int(at.timestamp() * 1000)),
    "iso_weekday": lambda at: str(at.isoweekday()),
    "is_weekday": lambda at: str(at.isoweekday() < 6).lower(),
}

_LEGACY = {
    "job_id": ["job", "id"],
    "run_id": ["task", "run_id"],
    "parent_run_id": ["job", "run_id"],
    "task_key": ["task", "name"],
    "task_retry_count": ["task", "execution_count"],
    "start_date": ["job", "start_time", "iso_date"],
    "start_time": ["job", "start_time", "timestamp_ms"],
}


class UnknownReferenceError(Exception):
    """A reference into a known namespace that has no such name."""


def resolve(context: Context, run: Run, task: TaskRun, value: Any) -> Any:
    """Replace the references in the strings of `value`, lists and mappings included.

    Text that is no reference stays (product documentation, Dynamic value references: a malformed one is
    literal, an unknown name in a known namespace is an error: UnknownReferenceError).
    """
    if isinstance(value, str) and "{{" in value:
        return _REFERENCE.sub(lambda match: _replace(context, run, task, match), value)
    if isinstance(value, Mapping):
        return {key: resolve(context, run, task, item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(context, run, task, item) for item in value]
    return value


def _replace(context: Context, run: Run, task: TaskRun, match: re.Match[str]) -> str:
    names = [quoted or plain for quoted, plain in _PART.findall(match[1])]
    if ".".join(names) != match[1].replace("`", ""):
        return match[0]
    names = _LEGACY.get(match[1], names)
    known = {
        "job": _resolve_job,
        "task": _resolve_task,
        "tasks": _resolve_other_task,
        "workspace": _resolve_workspace,
    }
    if names[0] not in known:
        return match[0]
    found = known[names[0]](context, run, task, names[1:])
    if found is None:
        raise UnknownReferenceError(f"Unknown reference {match[0]} in the settings of task {task.task_key}.")
    return found


def _resolve_job(context: Context, run: Run, _resolve_task: TaskRun, names: list[str]) -> str | None:
    if names[:1] == ["parameters"] and len(names) == 2:
        return run.parameters.get(names[1])
    if names[:1] == ["start_time"] and len(names) == 2 and names[1] in _DATES:
        return _DATES[names[1]](datetime.fromtimestamp(run.start_time / 1000, timezone.utc))
    if names == ["trigger", "type"]:
        return run.trigger
    simple = {"id": str(run.job_id), "run_id": str(run.run_id), "name": run.run_name}
    simple["repair_count"] = str(len(run.stages))
    return simple.get(names[0]) if len(names) == 1 else None


def _resolve_task(context: Context, _run: Run, task: TaskRun, names: list[str]) -> str | None:
    simple = {
        "name": task.task_key,
        "run_id": str(task.run_id),
        "execution_count": str(task.attempt),
        "notebook_path": find_code_path(task.task),
    }
    return simple.get(names[0]) if len(names) == 1 else None


def _resolve_other_task(context: Context, run: Run, _resolve_task: TaskRun, names: list[str]) -> str | None:
    other = run.latest().get(names[0]) if names else None
    if other is None or len(names) < 2:
        return None
    if names[1] == "values" and len(names) == 3:
        return _read_task_value(context, run, names[0], names[2])
    outcome = other.outcome
    simple = {
        "run_id": str(other.run_id),
        "result_state": outcome.result.lower() if outcome else "",
        "error_code": outcome.code if outcome else "",
        "execution_count": str(other.attempt),
    }
    return simple.get(names[1]) if len(names) == 2 else None


def _read_task_value(context: Context, run: Run, task_key: str, name: str) -> str | None:
    """Return what the task set with dbutils.jobs.taskValues; the engine keeps it in a file for each task."""
    file = context.folder / "runs" / str(run.run_id) / "task_values" / f"{quote(task_key, safe='')}.json"
    if not file.is_file():
        return None
    values = json.loads(file.read_text())
    if name not in values:
        return None
    return values[name] if isinstance(values[name], str) else json.dumps(values[name])


def _resolve_workspace(context: Context, _run: Run, _resolve_task: TaskRun, names: list[str]) -> str | None:
    return {"id": WORKSPACE_ID, "url": context.host}.get(names[0]) if len(names) == 1 else None
