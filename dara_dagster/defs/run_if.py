"""Turns a task's `run_if` and how its upstream tasks ended into whether it runs: one pure table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from dara_dagster.config.kinds import RunIf

__all__ = ["Decision", "TaskOutcome", "decide", "tolerate"]

# How a task ended, as its dependants see it. `upstream`: it did not run, or not to its end.
TaskOutcome = Literal["success", "excluded", "failed", "upstream"]
Decision = Literal["run", "upstream", "excluded"]

_WELL = ("success", "excluded")
_HANDLES_FAILURE = ("AT_LEAST_ONE_FAILED", "ALL_FAILED")


def tolerate(
    upstream: Sequence[str], outcomes: Sequence[TaskOutcome], tolerated: Collection[str]
) -> list[TaskOutcome]:
    """Let the tasks of `upstream` that are tolerated and ran to a bad end count as successful."""
    pairs = zip(upstream, outcomes, strict=True)
    return ["success" if end == "failed" and name in tolerated else end for name, end in pairs]


def decide(rule: RunIf, outcomes: Sequence[TaskOutcome]) -> Decision:
    """Return whether a task with that rule runs, given how the tasks it depends on ended; with none, it runs.

    The rules are those of https://docs.databricks.com/en/jobs/run-if.html: excluded tasks count as
    successful; when all are excluded so is the task, whatever its rule; an unmet rule that handles
    failure excludes the task, any other marks it as failed upstream. What failed upstream counts as failed.
    """
    if not outcomes:
        return "run"
    if all(outcome == "excluded" for outcome in outcomes):
        return "excluded"
    if _is_met(rule, [outcome in _WELL for outcome in outcomes]):
        return "run"
    return "excluded" if rule in _HANDLES_FAILURE else "upstream"


def _is_met(rule: RunIf, well: Sequence[bool]) -> bool:
    if rule == "ALL_DONE":
        return True
    if rule == "AT_LEAST_ONE_SUCCESS":
        return any(well)
    if rule == "AT_LEAST_ONE_FAILED":
        return not all(well)
    if rule == "ALL_FAILED":
        return not any(well)
    # ALL_SUCCESS, and NONE_FAILED: at least one has run, since not all of them are excluded.
    return all(well)
