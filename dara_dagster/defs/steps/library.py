"""The built-in steps, and how a step pipeline in a file becomes steps."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from dara_dagster.config.models import Entry
from dara_dagster.config.plan import ComputePlan, Plan, StepPlan, TaskPlan, WorkflowPlan
from dara_dagster.config.sql_placeholders import CannotBind, bind_placeholders
from dara_dagster.defs.execution.execute import Work, execute_task
from dara_dagster.defs.objects import find_modules_in, load_object
from dara_dagster.defs.steps.pipeline import Step, StepContext, StepFactory, StepTools
from dara_dagster.errors import DaraError
from dara_dagster.executor.stop import stop_event
from dara_dagster.workspace.calls import API_ERRORS
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.deploy import ensure_saved_job
from dara_dagster.workspace.jobs.lookup import find_saved_job
from dara_dagster.workspace.rate_limited import Stopped, until_stopped
from dara_dagster.workspace.resources.vector_search import IndexSync, NewIndex
from dara_dagster.workspace.resources.volumes import ensure_volume, size_of, upload_to_volume
from dara_dagster.workspace.sql import run_statement, table_exists

__all__ = ["RunJob", "RunSql", "RunTask", "SyncIndex", "UploadFile", "WaitForTable", "steps_of"]

_IN_VOLUME = re.compile(r"/Volumes(/[^/]+){4,}\Z")


class UploadFile(Step):
    """Uploads a local file to a volume and leaves `path`, `file_name` and `bytes`."""

    def __init__(self, to: str, file: str | None = None, overwrite: bool = True, name: str = "upload_file"):
        self.to, self.file, self.overwrite, self.name = to, file, overwrite, name

    def execute(self, context: StepContext) -> StepContext:
        """Stream the file (default: the one that started the run) to `to`, or into it if it ends with `/`."""
        source, to = context.fill(self.file) or context.file, str(context.fill(self.to))
        if not source:
            raise DaraError("no file to upload: give the step a file, or the run the parameter `file`")
        tools = context.tools
        is_given = self.file is None or context.is_from_caller(self.file)
        local = context.local_file(source) if is_given else tools.session.plan.root / source
        remote = to + local.name if to.endswith("/") else to
        if not _IN_VOLUME.match(remote):
            raise DaraError(f"{remote} is no file in a volume: write /Volumes/catalog/schema/volume/file")
        if not self.overwrite and _is_there(tools.session.workspace, remote):
            raise DaraError(f"{remote} is there already, and the step says not to overwrite it.")

        def progress(sent: int, size: int) -> None:
            tools.dagster.log.info(f"{local.name}: {sent:,} of {size:,} bytes uploaded")

        ensure_volume(tools.session.workspace, remote)
        size = upload_to_volume(tools.session.workspace, local, remote, progress=progress)
        name = remote.rpartition("/")[2]
        return context.leave(self.name, path=remote, file_name=name, bytes=size)


class _RunStep(Step):
    """Runs one Databricks run with the body that ops of tasks have, and leaves what it returned."""

    def _run(self, context: StepContext, task: TaskPlan) -> StepContext:
        """Run `task`; those of its parameters that are filled in from the context are what the run gets."""
        tools = context.tools
        workflow = tools.workflow or WorkflowPlan(tools.dagster.job_name, tools.session.plan.config_dir)
        filled = _filled(context, task.parameters)
        fixed = frozenset(name for name, text in task.parameters.items() if filled[name] != text)
        result = execute_task(tools.dagster, Work(workflow, replace(task, parameters=filled), fixed=fixed))
        return context.leave(
            self.name, run_id=result.databricks_run, url=result.url, exit_value=result.exit_value
        )


class RunTask(_RunStep):
    """Runs a file of the notebooks folder and leaves `run_id`, `url` and `exit_value`."""

    def __init__(
        self, task: TaskPlan | str, parameters: Mapping[str, str] | None = None, name: str = "run_task"
    ):
        self.task, self.parameters, self.name = task, dict(parameters or {}), name

    def execute(self, context: StepContext) -> StepContext:
        """Run the task, its parameters filled in from the context; a name is looked up in the plan."""
        task = self.task if isinstance(self.task, TaskPlan) else self._named(context.tools.session.plan)
        return self._run(context, replace(task, parameters={**task.parameters, **self.parameters}))

    def _named(self, plan: Plan) -> TaskPlan:
        for workflow in plan.workflows:
            for task in workflow.tasks:
                if task.name == self.task:
                    return task
        raise DaraError(f"no workflow of the project has a task {self.task!r}")


class RunJob(_RunStep):
    """Runs a saved Databricks job, or a workflow of the project as one, and leaves `job_id`, `run_id`, `url`.

    Of a job with one task it leaves the `exit_value` too. The saved job of a workflow is made, or made to
    match the files, as `dara deploy` does; a schedule that it has is made paused.
    """

    def __init__(
        self,
        job: str | int,
        parameters: Mapping[str, str] | None = None,
        timeout_seconds: int = 0,
        poll_seconds: float = 0.0,
        name: str = "run_job",
    ) -> None:
        self.job, self.parameters, self.name = job, dict(parameters or {}), name
        self.timeout_seconds, self.poll_seconds = timeout_seconds, poll_seconds

    def execute(self, context: StepContext) -> StepContext:
        """Start the job by id or name with its parameters and wait for its end."""
        job_id = self._job_id(context.tools, str(context.fill(self.job)))
        task = TaskPlan(
            name=self.name,
            key=self.name,
            kind="saved_job",
            entry=Entry(timeout_seconds=self.timeout_seconds, poll_seconds=self.poll_seconds),
            workflow=str(job_id),
            parameters=self.parameters,
        )
        return self._run(context.leave(self.name, job_id=job_id), task)

    def _job_id(self, tools: StepTools, named: str) -> int:
        """Raises DaraError for what names no job; a workflow of the project comes before a job so named."""
        session, stop = tools.session, stop_event(tools.dagster.run_id)
        workspace, workflows = session.workspace, [workflow.name for workflow in session.plan.workflows]
        if named not in workflows:
            return session.monitor.call(lambda: find_saved_job(workspace, named, workflows), stop=stop)
        if tools.workflow is not None and tools.workflow.name == named:
            raise DaraError(f"the pipeline {named!r} cannot run itself")
        return until_stopped(lambda: ensure_saved_job(workspace, session.plan, named), stop)


class RunSql(Step):
    """Runs one SQL statement on a warehouse and leaves `rows` (at most 100) and `value` (the first cell)."""

    def __init__(
        self,
        statement: str,
        warehouse_name: str,
        parameters: Mapping[str, str] | None = None,
        timeout_seconds: int = 0,
        name: str = "run_sql",
    ) -> None:
        self.statement, self.warehouse_name, self.name = statement, warehouse_name, name
        self.parameters, self.timeout_seconds = dict(parameters or {}), timeout_seconds

    def execute(self, context: StepContext) -> StepContext:
        """Run the statement, which is cancelled at the timeout and when the Dagster run is terminated.

        Values of the context go along as parameters. Raises DaraError where that cannot be.
        """
        session, stop = context.tools.session, stop_event(context.tools.dagster.run_id)
        try:
            bound = bind_placeholders(self.statement, self.parameters)
        except CannotBind as error:
            raise DaraError(f"the statement cannot be run: {error}") from None
        own: dict[str, Any] = {**_filled(context, self.parameters)}
        rows = run_statement(
            session.workspace,
            session.monitor,
            session.compute_id(self._warehouse(session.plan)),
            bound.text,
            own | {marker: context.get(name) for marker, name in bound.names.items()},
            catalog=session.plan.catalog,
            schema=session.plan.schema,
            timeout_seconds=self.timeout_seconds,
            stop=stop,
        )
        return context.leave(self.name, rows=rows, value=rows[0][0] if rows and rows[0] else None)

    def _warehouse(self, plan: Plan) -> ComputePlan:
        if self.warehouse_name not in plan.warehouses:
            known = ", ".join(plan.warehouses) or "none"
            raise DaraError(f"there is no warehouse {self.warehouse_name!r}; the project has {known}")
        return plan.warehouses[self.warehouse_name]


class WaitForTable(Step):
    """Waits until a table exists and leaves its name as `table`."""

    def __init__(
        self,
        table: str,
        timeout_seconds: int = 3600,
        poll_seconds: float = 10.0,
        name: str = "wait_for_table",
    ) -> None:
        self.table, self.timeout_seconds, self.poll_seconds = table, timeout_seconds, poll_seconds
        self.name = name

    def execute(self, context: StepContext) -> StepContext:
        """Look every `poll_seconds`; fails after `timeout_seconds` (0: never)."""
        stop, session = stop_event(context.tools.dagster.run_id), context.tools.session
        table = str(context.fill(self.table))
        look = partial(table_exists, session.workspace, _full_name(table, session.plan))
        deadline = time.monotonic() + self.timeout_seconds if self.timeout_seconds else math.inf
        while not session.monitor.call(look, stop=stop):
            left = deadline - time.monotonic()
            if left <= 0:
                raise DaraError(
                    f"the table {table} is not there after {self.timeout_seconds} s (timeout_seconds)"
                )
            if stop.wait(min(self.poll_seconds, left)):
                raise Stopped(f"Waiting for the table {table} was stopped")
        return context.leave(self.name, table=table)


class SyncIndex(Step):
    """Brings a Vector Search index up to date with its table and leaves `index` and `rows`."""

    def __init__(
        self,
        index: str,
        create: Mapping[str, Any] | None = None,
        timeout_seconds: int = 3600,
        poll_seconds: float = 5.0,
        name: str = "sync_index",
    ) -> None:
        self.index, self.create, self.name = index, create, name
        self.timeout_seconds, self.poll_seconds = timeout_seconds, poll_seconds

    def execute(self, context: StepContext) -> StepContext:
        """Sync the index, or make it with `create` where it is not there, and wait until that is done."""
        tools = context.tools
        session, log = tools.session, tools.dagster.log
        index = _full_name(str(context.fill(self.index)), session.plan)
        new = None
        if self.create is not None:
            filled = context.fill(self.create)
            new = NewIndex(**{**filled, "source_table": _full_name(filled["source_table"], session.plan)})
        sync = IndexSync(
            session.workspace,
            session.monitor,
            index,
            stop=stop_event(tools.dagster.run_id),
            timeout_seconds=self.timeout_seconds,
            poll_seconds=self.poll_seconds,
            progress=log.info,
        )
        return context.leave(self.name, index=index, rows=sync.run(new))


def _full_name(table: str, plan: Plan) -> str:
    """`catalog.schema.table`, with the project's catalog and schema where the name has none."""
    parts = [plan.catalog or "main", plan.schema or "default", *table.split(".")]
    return ".".join(parts[-3:])


def _filled(context: StepContext, parameters: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(context.fill(value)) for name, value in parameters.items()}


def _is_there(ws: Workspace, remote: str) -> bool:
    try:
        size_of(ws, remote)
    except API_ERRORS:  # whatever else it was, the upload will meet it and say so
        return False
    return True


class _FromFile(StepFactory):
    """A step as a workflow file describes it. Built-in steps fill in their settings themselves."""

    _KINDS: ClassVar[Mapping[str, type[Step]]] = {
        "upload_file": UploadFile,
        "run_job": RunJob,
        "run_sql": RunSql,
        "wait_for_table": WaitForTable,
        "sync_index": SyncIndex,
    }

    def __init__(self, step: StepPlan) -> None:
        self._step = step
        self.name = step.name
        kind = self._KINDS.get(step.uses, RunTask if step.uses == "run_task" else None)
        self.description = (kind.__doc__ if kind else None) or f"The step {step.uses}."

    def make(self, context: StepContext) -> Step:
        step = self._step
        if step.task is not None:
            return RunTask(step.task, name=step.name)
        if step.uses in self._KINDS:
            return self._KINDS[step.uses](**step.settings, name=step.name)  # type: ignore[call-arg]
        return self._own(context.fill(step.settings))

    def _own(self, settings: Mapping[str, Any]) -> Step:
        """A step of a class of the user's own."""
        kind = load_object(self._step.uses)
        if not (isinstance(kind, type) and issubclass(kind, Step)):
            raise DaraError(f"{self._step.uses} is no subclass of dara_dagster.Step")
        try:
            made: Step = kind(**settings)
        except TypeError as error:
            raise DaraError(f"{self._step.uses} does not take these settings: {error}") from error
        made.name = self._step.name
        return made


def steps_of(plan: Plan, workflow: WorkflowPlan) -> list[StepFactory]:
    """Return the steps of a workflow file, in order, each made when its turn comes.

    Classes of the user's own are found from the project's folder, and from the start: a process may have
    to read what such a step left before it comes to one of them.
    """
    if workflow.context or any(":" in step.uses for step in workflow.steps):
        find_modules_in(plan.root)
    return [_FromFile(step) for step in workflow.steps]
