"""Turns a workflow of the plan into the settings of one saved Databricks job; pure, and needs no login."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from dara_dagster.config.models import Entry, Sensor
from dara_dagster.config.plan import Plan, StepPlan, TaskPlan, WorkflowPlan
from dara_dagster.config.rules.cron import NotQuartzError, to_quartz
from dara_dagster.config.suggestions import safe_key
from dara_dagster.errors import DeployError
from dara_dagster.tasks.job_tasks import PARAMETER_NAME, Ids, JobTasks, mark

PauseStatus = Literal["PAUSED", "UNPAUSED"]

# The tags that tell whose job this is, and of which settings it was made.
PROJECT_TAG, WORKFLOW_TAG, VERSION_TAG = "dara_project", "dara_workflow", "dara_version"

_MOST_TAGS, _MOST_TASKS, _MOST_RUNS = 25, 1000, 1000  # https://docs.databricks.com/api/workspace/jobs
# A shorter text of the environment stands in other words by chance.
_SHORTEST_TEXT = 4
_USE_A_SCOPE = (
    "Put it into a secret scope (databricks secrets put-secret SCOPE KEY). In spark_conf and spark_env_vars "
    "write {{secrets/SCOPE/KEY}} instead, in code call dbutils.secrets.get(SCOPE, KEY). What is no secret "
    "belongs into parameters.json"
)
_DEEPEST = 3  # levels of Run Job tasks (https://docs.databricks.com/aws/en/jobs/parameter-use)
_LEAST_SETTLE_SECONDS = 60  # SDK, FileArrivalTriggerConfiguration
_TAG = re.compile(r"[A-Za-z0-9 ._@-]{1,100}")
_PLACEHOLDER = "${context."


@dataclass(frozen=True)
class JobPlan:
    """The settings of a workflow's saved job, as `jobs/create` takes them.

    `refused` says why the workflow cannot be a saved job (then `settings` are of no use), `notes` what of it
    a saved job does otherwise or leaves out; a line each.
    """

    workflow: str
    settings: Mapping[str, Any]
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def job_plan(
    plan: Plan, workflow: WorkflowPlan, ids: Ids = mark, *, pause: PauseStatus = "UNPAUSED"
) -> JobPlan:
    """Return what the workflow is as a saved job; `ids` gives the ids it needs, by default marks in their
    place."""
    refused: list[str] = []
    names = {each.name for each in plan.workflows}
    tasks = workflow.tasks or tuple(_tasks_of_steps(workflow, names, refused))
    shared = _job_parameters(workflow, tasks)
    built = JobTasks(ids, shared)
    built.add(tasks)
    settings: dict[str, Any] = {"name": job_name(plan, workflow.name)}
    if workflow.options.description:
        settings["description"] = workflow.options.description
    settings["tags"] = {**workflow.options.tags, **owner_tags(plan.identity, workflow.name)}
    if shared:
        settings["parameters"] = [{"name": name, "default": text} for name, text in shared.items()]
    settings |= _starts(workflow, refused, pause)
    settings["max_concurrent_runs"] = min(workflow.options.max_concurrent_runs or _MOST_RUNS, _MOST_RUNS)
    # Dagster's schedule skips a run over the limit; runs of sensors wait for their turn.
    skips = workflow.options.schedule is not None and workflow.options.max_concurrent_runs > 0
    settings["queue"] = {"enabled": not skips}
    if built.clusters:
        clusters = built.clusters.items()
        settings["job_clusters"] = [{"job_cluster_key": key, "new_cluster": new} for key, new in clusters]
    if built.environments:
        settings["environments"] = built.environments
    settings["tasks"] = built.tasks
    settings["tags"][VERSION_TAG] = _version(settings)
    refused += [*built.refused, *_limits(settings), *_nested(plan, workflow, 1)]
    refused += _in_clear(plan, settings)
    return JobPlan(workflow.name, settings, tuple(refused), tuple(_notes(plan, workflow, tasks, shared)))


def _in_clear(plan: Plan, value: Any, path: str = "") -> Iterator[str]:
    """Yield a reason for each place of the settings where a text of the environment would be saved in
    clear."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _in_clear(plan, inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _in_clear(plan, inner, f"{path}[{index}]")
    elif isinstance(value, str):
        searched = value.replace(plan.workspace_path, "").replace(plan.name, "")  # these are no secrets
        for text, written in plan.from_environment.items():
            if len(text) >= _SHORTEST_TEXT and text in searched:
                yield f"{path} would hold the value of {written} in clear. {_USE_A_SCOPE}"


def workflow_of(plan: Plan, name: str) -> WorkflowPlan:
    """Return the workflow of that name. Raises DeployError, naming the ones there are."""
    for workflow in plan.workflows:
        if workflow.name == name:
            return workflow
    known = ", ".join(workflow.name for workflow in plan.workflows)
    raise DeployError(f"There is no workflow {name!r}. This project has: {known or 'none'}.")


def job_name(plan: Plan, workflow: str) -> str:
    """Return the name of a workflow's saved job, for people; what tells the job apart are its tags."""
    return workflow if workflow == plan.name else f"{plan.name}: {workflow}"


def owner_tags(project: str, workflow: str) -> dict[str, str]:
    """Return the tags by which the job of a workflow is found again.

    Tags reach clusters, whose clouds allow few characters: another name is made safe and marked by a
    part of its hash.
    """
    return {PROJECT_TAG: _tag(project), WORKFLOW_TAG: _tag(workflow)}


def _tag(name: str) -> str:
    if _TAG.fullmatch(name) or name.startswith("<id of "):  # a mark: nothing is sent with it
        return name
    return f"{safe_key(name)[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _version(settings: Mapping[str, Any]) -> str:
    """Return a hash of the settings but for whether they are paused: another one means that the files
    changed."""
    starts = {
        key: {**settings[key], "pause_status": ""} for key in ("schedule", "trigger") if key in settings
    }
    text = json.dumps({**settings, **starts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _job_parameters(workflow: WorkflowPlan, tasks: tuple[TaskPlan, ...]) -> dict[str, str]:
    """Return the workflow's parameters that can be the job's: a job's value beats that of every task."""
    return {
        name: text
        for name, text in workflow.options.parameters.items()
        if PARAMETER_NAME.fullmatch(name) and not _overridden(name, text, tasks)
    }


def _overridden(name: str, text: str, tasks: tuple[TaskPlan, ...]) -> bool:
    own = (task for task in tasks if task.kind != "workflow")
    return any(task.parameters.get(name, text) != text for task in own)


def _starts(workflow: WorkflowPlan, refused: list[str], pause: PauseStatus) -> dict[str, Any]:
    """Return the schedule or the trigger, of which a job has one."""
    sensor = workflow.sensor
    if workflow.options.schedule is not None:
        if sensor is not None and sensor.volume is not None:
            refused.append(
                "it has a schedule and a sensor; a saved job has one of the two. Use two workflows"
            )
        try:
            cron = to_quartz(workflow.options.schedule)
        except NotQuartzError as error:
            refused.append(f"schedule {error}")
            return {}
        schedule = {"quartz_cron_expression": cron, "timezone_id": workflow.timezone, "pause_status": pause}
        return {"schedule": schedule}
    if sensor is None or sensor.volume is None:
        return {}
    arrival: dict[str, Any] = {"url": f"{sensor.volume.rstrip('/')}/"}
    if sensor.settle_seconds:
        arrival["wait_after_last_change_seconds"] = max(round(sensor.settle_seconds), _LEAST_SETTLE_SECONDS)
    if sensor.interval_seconds > _LEAST_SETTLE_SECONDS:
        arrival["min_time_between_triggers_seconds"] = sensor.interval_seconds
    return {"trigger": {"file_arrival": arrival, "pause_status": pause}}


def _tasks_of_steps(
    workflow: WorkflowPlan, workflows: Collection[str], refused: list[str]
) -> Iterator[TaskPlan]:
    """Yield the steps of a pipeline as a chain of tasks, as far as Databricks can run them by itself."""
    before: tuple[str, ...] = ()
    for step in workflow.steps:
        if reason := _not_a_task(step, workflows):
            refused.append(f"step '{step.name}' {reason}")
            continue
        settings = step.settings
        task = step.task or TaskPlan(
            name=step.name,
            key=safe_key(step.name),
            kind="saved_job",
            entry=Entry(timeout_seconds=settings.get("timeout_seconds") or 0),
            workflow=str(settings.get("job", "")),
            parameters=settings.get("parameters") or {},
        )
        entry = task.entry.model_copy(update={"dependent_on": before})
        yield replace(task, name=step.name, key=safe_key(step.name), entry=entry)
        before = (step.name,)


def _not_a_task(step: StepPlan, workflows: Collection[str]) -> str:
    """Return why the step is no task of a saved job; "" when it is one."""
    if ":" in step.uses:
        return f"is Python of your own ({step.uses}), which only Dagster runs"
    if step.uses not in ("run_task", "run_job"):
        return f"uses {step.uses}, which only Dagster runs"
    if _PLACEHOLDER in json.dumps(dict(step.settings), default=str):
        return "takes values from the context (${context...}), which only Dagster has"
    if step.uses == "run_job" and step.settings.get("job") in workflows:
        return f"runs the workflow '{step.settings['job']}' of this project, which only Dagster does"
    return ""


def _limits(settings: Mapping[str, Any]) -> Iterator[str]:
    for key, most in (("tags", _MOST_TAGS), ("tasks", _MOST_TASKS)):
        if len(settings[key]) > most:
            yield f"it has {len(settings[key])} {key} as a job; Databricks takes {most}"


def _nested(plan: Plan, workflow: WorkflowPlan, depth: int) -> Iterator[str]:
    """Yield what keeps the workflows that this one runs from being saved jobs."""
    known = {each.name: each for each in plan.workflows}
    for task in workflow.tasks:
        if task.kind != "workflow":
            continue
        if depth > _DEEPEST:
            yield f"task '{task.name}': Run Job tasks nest {_DEEPEST} levels deep at most"
        elif job_plan(plan, known[task.workflow or ""]).refused:
            yield f"task '{task.name}' runs the workflow '{task.workflow}', which cannot be a saved job"
        else:
            yield from _nested(plan, known[task.workflow or ""], depth + 1)


def _notes(
    plan: Plan, workflow: WorkflowPlan, tasks: tuple[TaskPlan, ...], shared: Mapping[str, str]
) -> Iterator[str]:
    """Yield what the saved job does otherwise than the workflow in Dagster."""
    for name in workflow.options.parameters.keys() - shared.keys():
        yield f"parameter '{name}' differs between tasks (or its name is odd): no parameter of the job"
    if workflow.options.retry_on:
        yield "retry_on: Databricks retries every failure of a task that has max_retries, whatever its code"
    if any(task.entry.max_retries and task.entry.retry_delay_seconds for task in tasks):
        yield "retry_delay_seconds counts from the start of the failed attempt on Databricks"
    if workflow.options.run_as == "caller":
        yield "run_as: a saved job runs as its owner, or as its own run_as says"
    if workflow.options.fail_fast:
        yield "fail_fast: Databricks lets the other tasks continue when one fails"
    if workflow.max_concurrent != plan.max_concurrent:
        yield f"max_concurrent: Databricks runs all ready tasks at once, not {workflow.max_concurrent}"
    if workflow.options.max_concurrent_runs > _MOST_RUNS:
        yield f"max_concurrent_runs: Databricks takes {_MOST_RUNS} at most"
    if any(task.entry.on_partial == "fail" or task.entry.on_skipped == "succeed" for task in tasks):
        yield "on_partial, on_skipped: Databricks has rules of its own for such tasks"
    if any(task.entry.run_if != "ALL_SUCCESS" or task.tolerates for task in tasks):
        yield "run_if: on Databricks a run has not failed if its last tasks succeed, though others failed"
    if workflow.sensor is not None:
        yield from _notes_on_sensor(workflow.sensor)


def _notes_on_sensor(sensor: Sensor) -> Iterator[str]:
    if sensor.volume is None:
        yield "sensor: a folder of this computer cannot be watched from Databricks; the job has no trigger"
        return
    names = "file_path and the like are" if sensor.per == "file" else "files and file_count are"
    yield f"sensor: Databricks starts one run for all that has arrived and does not say what: {names} not set"
    if sensor.pattern != ("*",) or not sensor.recursive:
        yield "sensor: the trigger takes files of every name, in subfolders too"
    if 0 < sensor.settle_seconds < _LEAST_SETTLE_SECONDS:
        yield f"sensor: settle_seconds is {_LEAST_SETTLE_SECONDS} at least on Databricks"
