"""The kinds of tasks of the Jobs API, and where each names its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PAYLOADS = (
    "notebook_task",
    "spark_python_task",
    "python_wheel_task",
    "sql_task",
    "condition_task",
    "run_job_task",
    "for_each_task",
    "spark_jar_task",
    "spark_submit_task",
    "dbt_task",
    "dbt_platform_task",
    "dbt_cloud_task",
    "pipeline_task",
    "dashboard_task",
    "alert_task",
    "power_bi_task",
    "clean_rooms_notebook_task",
    "gen_ai_compute_task",
    "ai_runtime_task",
    "python_operator_task",
)
"""The task kinds of the Jobs API (SDK 0.156 SubmitTask)."""


def find_payload_kind(task: Mapping[str, Any]) -> str:
    """Return which of PAYLOADS a task has; "" when it has none."""
    return next((kind for kind in PAYLOADS if kind in task), "")


def find_code_path(task: Mapping[str, Any]) -> str:
    """Return path of the task's code as given, "" for kinds without one."""
    kind = find_payload_kind(task)
    payload = task.get(kind) or {}
    if kind == "sql_task":
        payload = payload.get("file") or {}
    return str(payload.get("notebook_path") or payload.get("python_file") or payload.get("path") or "")
