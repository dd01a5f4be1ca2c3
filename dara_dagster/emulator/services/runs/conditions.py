"""Decides what a blocked task does once its upstream tasks have ended: run, wait, or end without running."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dara_dagster.emulator.services.runs.outcomes import (
    CANCELLED,
    DISABLED,
    EXCLUDED,
    UNSUCCESSFUL,
    UPSTREAM_CANCELED,
    UPSTREAM_FAILED,
    Outcome,
)
from dara_dagster.emulator.services.runs.records import TaskRun

RUN_IFS = (
    "ALL_SUCCESS",
    "ALL_DONE",
    "AT_LEAST_ONE_SUCCESS",
    "NONE_FAILED",
    "ALL_FAILED",
    "AT_LEAST_ONE_FAILED",
)

COMPARISONS = (
    "EQUAL_TO",
    "NOT_EQUAL",
    "GREATER_THAN",
    "GREATER_THAN_OR_EQUAL",
    "LESS_THAN",
    "LESS_THAN_OR_EQUAL",
)


def decide(task: Mapping[str, Any], latest: Mapping[str, TaskRun]) -> Outcome | Literal["run", "wait"]:
    """Return what `task` is to do, `latest` holding the last attempt of every task of the run (SDK,
    RunIf)."""
    results: list[str] = []
    for edge in task.get("depends_on") or ():
        upstream = latest[edge["task_key"]]
        if upstream.outcome is None:
            return "wait"
        taken = edge.get("outcome") in (None, upstream.branch)
        results.append(upstream.outcome.result if taken else "EXCLUDED")
    if task.get("disabled"):
        return DISABLED
    if not results or _is_met(task.get("run_if") or "ALL_SUCCESS", results):
        return "run"
    if task.get("run_if") in (None, "ALL_SUCCESS", "NONE_FAILED"):
        if any(result in UNSUCCESSFUL for result in results):
            return UPSTREAM_FAILED
        if any(result in CANCELLED for result in results):
            return UPSTREAM_CANCELED
    return EXCLUDED


def _is_met(run_if: str, results: list[str]) -> bool:
    good = [result in ("SUCCESS", "SUCCESS_WITH_FAILURES") for result in results]
    bad = [result in UNSUCCESSFUL for result in results]
    if run_if == "ALL_SUCCESS":
        return all(good)
    if run_if == "AT_LEAST_ONE_SUCCESS":
        return any(good)
    if run_if == "NONE_FAILED":
        return any(good) and not any(bad) and not any(result in CANCELLED for result in results)
    if run_if == "AT_LEAST_ONE_FAILED":
        return any(bad)
    if run_if == "ALL_FAILED":
        return all(bad)
    return True


def compare(condition: Mapping[str, Any]) -> bool:
    """Return the value of a condition_task. EQUAL_TO and NOT_EQUAL compare text, the others numbers (SDK).

    ValueError when an ordering is asked of something that is not a number.
    """
    op: str = condition["op"]
    left, right = str(condition["left"]), str(condition["right"])
    if op in ("EQUAL_TO", "NOT_EQUAL"):
        return (left == right) == (op == "EQUAL_TO")
    first, second = float(left), float(right)
    if op == "GREATER_THAN":
        return first > second
    if op == "GREATER_THAN_OR_EQUAL":
        return first >= second
    if op == "LESS_THAN":
        return first < second
    return first <= second
