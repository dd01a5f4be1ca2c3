"""The step `run_job`."""

from __future__ import annotations

from dara_dagster.config.dialects import step_models
from dara_dagster.config.models import Entry
from dara_dagster.config.plan import TaskPlan
from dara_dagster.defs.steps.built_in import BuiltIn, run_as_task
from dara_dagster.defs.steps.context import StepContext, StepTools
from dara_dagster.errors import DaraError
from dara_dagster.executor.stop import stop_event
from dara_dagster.workspace.jobs.deploy import ensure_saved_job
from dara_dagster.workspace.jobs.lookup import find_saved_job
from dara_dagster.workspace.rate_limited import until_stopped


class RunJob(BuiltIn[step_models.RunJob]):
    """Runs a saved Databricks job, or a workflow of the project as one, and leaves `job_id`, `run_id`, `url`.

    Of a job with one task it leaves the `exit_value` too. The saved job of a workflow is made, or made to
    match the files, as `dara deploy` does; a schedule that it has is made paused.
    """

    name = "run_job"

    def execute(self, context: StepContext) -> StepContext:
        """Start the job by id or name with its parameters and wait for its end."""
        settings = self.settings
        job_id = self._job_id(context.tools, str(context.fill(settings.job)))
        limits = Entry(timeout_seconds=settings.timeout_seconds, poll_seconds=settings.poll_seconds)
        task = TaskPlan(
            name=self.name,
            key=self.name,
            kind="saved_job",
            entry=limits,
            workflow=str(job_id),
            parameters=settings.parameters,
        )
        return run_as_task(context.leave(self.name, job_id=job_id), self.name, task)

    def _job_id(self, tools: StepTools, named: str) -> int:
        """Raise DaraError for what names no job; a workflow of the project comes before a job so named."""
        session, stop = tools.session, stop_event(tools.dagster.run_id)
        workspace, workflows = session.workspace, [workflow.name for workflow in session.plan.workflows]
        if named not in workflows:
            return session.monitor.call(lambda: find_saved_job(workspace, named, workflows), stop=stop)
        if tools.workflow is not None and tools.workflow.name == named:
            raise DaraError(f"the pipeline {named!r} cannot run itself")
        return until_stopped(lambda: ensure_saved_job(workspace, session.plan, named), stop)
