"""Reads the steps a run was to execute, and what each waits for, from the plan Dagster stored with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from dagster import DagsterInstance, DagsterRun

__all__ = ["PlannedStep", "planned_steps"]

TASK_TAG = "dara/task"
KIND_TAG = "dara/kind"


@dataclass(frozen=True)
class PlannedStep:
    """One step of a run's plan: `name` is its task's, `upstream` are the keys of the steps it waits for.

    A step that is not `chosen` is left to an earlier run, whose result this run takes over. `pipeline`
    says that it is a step of a step pipeline, which hands on a context.
    """

    key: str
    name: str
    upstream: tuple[str, ...]
    chosen: bool
    pipeline: bool = False


def planned_steps(instance: DagsterInstance, run: DagsterRun) -> tuple[PlannedStep, ...]:
    """Return the steps of the run's plan, those above others first; none for a run that was given no plan."""
    if run.execution_plan_snapshot_id is None:
        return ()
    plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    wanted, steps = set(plan.step_keys_to_execute), {step.key: step for step in plan.steps}
    above = {
        key: tuple(
            dict.fromkeys(up for entry in step.inputs for up in entry.upstream_step_keys if up in steps)
        )
        for key, step in steps.items()
    }
    return tuple(
        _planned(key, steps[key].tags or {}, above[key], key in wanted)
        for key in TopologicalSorter(above).static_order()
    )


def _planned(key: str, tags: Mapping[str, str], above: tuple[str, ...], chosen: bool) -> PlannedStep:
    return PlannedStep(key, tags.get(TASK_TAG, key), above, chosen, tags.get(KIND_TAG) == "step")
