"""Puts the home folder of whoever deploys in the place that the plan of a project leaves for it."""

from __future__ import annotations

from dataclasses import replace

from dara_dagster.config.plan import HOME, Plan, StepPlan, TaskPlan, WorkflowPlan
from dara_dagster.workspace.client import Workspace, current_user

__all__ = ["at_home", "plan_at_home", "task_at_home"]


def at_home(ws: Workspace, path: str) -> str:
    """Return the path with the user's folder in it, `/Workspace/Users/<user>`, where it begins in the home.

    Asks once a workspace who the user is. Raises as `current_user`.
    """
    if not path.startswith(f"{HOME}/"):
        return path
    if "user" not in ws.known:
        ws.known["user"] = current_user(ws)
    return f"/Workspace/Users/{ws.known['user']}{path.removeprefix(HOME)}"


def task_at_home(ws: Workspace, task: TaskPlan) -> TaskPlan:
    """Return the task with its file in the user's folder."""
    return task if task.remote_file is None else replace(task, remote_file=at_home(ws, task.remote_file))


def plan_at_home(ws: Workspace, plan: Plan) -> Plan:
    """Return the plan with all its files in the user's folder."""
    path = at_home(ws, plan.workspace_path)
    if path == plan.workspace_path:
        return plan

    def step(one: StepPlan) -> StepPlan:
        return one if one.task is None else replace(one, task=task_at_home(ws, one.task))

    def workflow(one: WorkflowPlan) -> WorkflowPlan:
        tasks = tuple(task_at_home(ws, task) for task in one.tasks)
        return replace(one, tasks=tasks, steps=tuple(map(step, one.steps)))

    return replace(plan, workspace_path=path, workflows=tuple(map(workflow, plan.workflows)))
