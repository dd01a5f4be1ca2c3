"""Runs one task on Databricks for the op or asset it stands for: ensure, submit, watch, report, cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import DagsterExecutionInterruptedError, Failure, OpExecutionContext, RetryRequested

from dara_dagster.config.plan import TaskPlan, WorkflowPlan
from dara_dagster.config.run_parameters import check_parameters
from dara_dagster.defs.execution.attempts import Attempt
from dara_dagster.defs.execution.cancellation import find_run, stop_others, stop_run
from dara_dagster.defs.execution.event_recorder import StepRecord
from dara_dagster.defs.execution.results import RunFailed, TaskResult, result_data, run_failure, task_result
from dara_dagster.defs.execution.retry import fail_or_retry
from dara_dagster.defs.execution.uploads import send_files
from dara_dagster.defs.resources import ComputeResource, RunParameters, WorkspaceSession
from dara_dagster.errors import DaraError, RunError, RunGoneError, RunLostError, UnreachableError
from dara_dagster.executor.events import retries_enabled, step_key
from dara_dagster.executor.instance_id import instance_id
from dara_dagster.executor.stop import stop_event
from dara_dagster.tasks.kind import IdKind
from dara_dagster.tasks.registry import kind_of
from dara_dagster.tasks.run_names import run_name
from dara_dagster.workspace.caller import CallerTokenEnded, check_caller
from dara_dagster.workspace.jobs.lookup import find_saved_job
from dara_dagster.workspace.rate_limited import stopping_at, until_stopped
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.child_run import NotebookRuns
from dara_dagster.workspace.runs.jobs_api import RunOutput, RunSnapshot
from dara_dagster.workspace.runs.outcome import Outcome, Retry, is_accepted, retry_class
from dara_dagster.workspace.watch.monitor import Stopped, TimedOut

__all__ = ["Work", "execute_task"]


@dataclass(frozen=True)
class Work:
    """A task as its op runs it: `compute_key` is the resource of its compute, if the op has it.

    `inputs` maps a parameter to the op, in the same graph, whose exit value it takes. `fixed` names the
    parameters that the run's own do not override, since a step has worked them out for this run.
    """

    workflow: WorkflowPlan
    task: TaskPlan
    compute_key: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()


def execute_task(context: OpExecutionContext, work: Work) -> TaskResult:
    """Run a task as one Databricks run and return its result.

    Attaches to the run of an earlier start of this step whose end nobody saw. Raises `Failure` (with the
    error, traceback and run page as metadata), `RetryRequested` where another attempt may help, and
    `DagsterExecutionInterruptedError` when the Dagster run is terminated, after the Databricks run has
    stopped.
    """
    return _Execution(context, work).run()


class _Execution:
    """One start of a step: it makes an attempt of its own or takes over the one an earlier start left."""

    def __init__(self, context: OpExecutionContext, work: Work) -> None:
        self.context = context
        self.work = work
        self.workflow, self.task = work.workflow, work.task
        self.step = step_key(context)
        # Kept here: the executor holds the event weakly, and leaves an op alone that has asked for it.
        self.stop = stop_event(context.run_id)
        self.session: WorkspaceSession = context.resources.workspace
        self.attempts = self.session.attempts(context.instance, context.run)
        self.record = StepRecord(context, self.attempts)
        self.fail_fast = (
            self.session.fail_fast(context.instance, context.run_id)
            if work.workflow.options.fail_fast
            else None
        )
        self.sent: Mapping[str, object] | None = None
        self.run_id: int | None = None
        self.finished = False

    def run(self) -> TaskResult:
        if self.fail_fast is not None and self.task.entry.run_if == "ALL_SUCCESS":
            self.fail_fast.check(self.task.name)
        try:
            check_caller(self.workflow)
            self._check_parameters()
            with stopping_at(self.stop):
                until_stopped(lambda: self.session.workspace, self.stop)  # it may take long to answer
                self.run_id = self._run_of_attempt()
                return self._finish(self._watch(self.run_id))
        except Stopped:
            self._stop()
            raise DagsterExecutionInterruptedError from None
        except (DagsterExecutionInterruptedError, KeyboardInterrupt):
            self._stop()
            raise
        except TimedOut:
            raise self._timed_out() from None
        except RunLostError as error:
            self.record.lost(str(error), "LOST")
            raise self._failed(Failure(f"{self.task.name}: {error}"), "now") from None
        except DaraError as error:
            if isinstance(error, CallerTokenEnded) and self.run_id is not None:
                self.record.lost(str(error), "TOKEN_ENDED")  # nobody can end it with that token
            raise self._failed(Failure(f"{self.task.name}: {error}"), _retry_of(error)) from None

    def _check_parameters(self) -> None:
        """Raise DaraError for a parameter of the run that its workflow does not know: a misspelt one, say."""
        given: RunParameters = self.context.resources.parameters
        if not given.values:
            return
        plan, name = self.session.plan, self.context.run.tags.get("dara/workflow", "")
        outer = next((found for found in plan.workflows if found.name == name), self.workflow)
        check_parameters(plan, outer, given.values)

    # --- one run for the attempt ---------------------------------------------------------------------

    def _run_of_attempt(self) -> int:
        attempt = self.attempts.begin(self.step)
        if attempt.earlier:
            if (attached := self._attach(attempt)) is not None:
                return attached
            self.sent = self.run_id = None
            attempt = self.attempts.next(self.step)
        return self._submit(attempt)

    def _attach(self, attempt: Attempt) -> int | None:
        """Return the run of the attempt that an earlier start began, or None when it failed meanwhile or is
        gone."""
        self.run_id = attempt.databricks_run
        workspace = self.session.workspace
        try:
            run_id = attempt.databricks_run or self._submit(attempt)
            snapshot = self.session.monitor.call(
                lambda: jobs_api.get_snapshot(workspace, run_id), stop=self.stop
            )
        except RunGoneError as error:
            self.context.log.warning(f"The run of attempt {attempt.number} is gone: {error}")
            return None
        if snapshot.outcome is not None and not self._accepts(snapshot.outcome):
            ended = f"Databricks run {run_id} of attempt {attempt.number} ended while nobody watched"
            self.context.log.info(f"{ended} ({snapshot.outcome.code}); making a new attempt")
            return None
        if attempt.databricks_run is not None:
            self.record.attempt(attempt, f"Attempt {attempt.number} again")
            self.record.submitted(attempt, workspace, run_id, f"Attached to Databricks run {run_id}")
        return run_id

    def _submit(self, attempt: Attempt) -> int:
        """Submit the attempt's run; a token that has a run already gives that one."""
        workspace = self.session.workspace
        request = until_stopped(lambda: self._make_request(attempt), self.stop)
        if attempt.earlier:
            self.sent = request
        elif self.stop.is_set():
            raise Stopped
        self.record.attempt(attempt, f"Attempt {attempt.number}")

        def send() -> int:
            before, self.sent = self.sent, request
            if self.stop.is_set():  # the op may have read `sent` already, and gone
                self.sent = before
                raise Stopped
            return jobs_api.submit(workspace, request)

        run_id = self.session.monitor.call(send, stop=self.stop)
        self.run_id = run_id
        self.record.submitted(attempt, workspace, run_id, f"Submitted as Databricks run {run_id}")
        if self.fail_fast is not None and self.fail_fast.culprit():  # it looked for runs before this was one
            stop_run(self.session, run_id, self._accepts)
        return run_id

    def _make_request(self, attempt: Attempt) -> Mapping[str, object]:
        task, session = self.task, self.session
        send_files(self.context)
        kind = kind_of(task)
        needed = kind.needs_id(task)
        instance = instance_id(self.context.instance)
        return kind.request(
            task,
            run_name=run_name(
                session.plan.name, self.workflow.name, task.name, self.context.run_id, instance
            ),
            token=attempt.token,
            parameters=self._parameters(),
            remote_file=self._remote_file(),
            needed_id=self._id_of(*needed) if needed else None,
        )

    def _id_of(self, kind: IdKind, name: str) -> Any:
        if kind == "saved_job":
            return find_saved_job(self.session.workspace, name)
        assert self.task.compute is not None
        key = self.work.compute_key
        resource: ComputeResource | None = getattr(self.context.resources, key) if key else None
        return resource.ensure(self.session) if resource else self.session.compute_id(self.task.compute)

    def _remote_file(self) -> str | None:
        """Return where the task's code is in the workspace, now equal to the local file."""
        if self.task.file is None:
            return None
        files, tasks = self.session.files, self.workflow.all_tasks()
        return files.ensure(self.task, tasks, warn=self.context.log.warning)

    def _parameters(self) -> Mapping[str, str]:
        """Return the task's parameters, over them exit values it takes from other tasks, over them the run's
        own.

        A run's parameter that the task does not declare goes to notebooks and SQL, as Databricks does with
        job parameters; a script's arguments stay as declared.
        """
        given: RunParameters = self.context.resources.parameters
        declared = {**self.task.parameters, **self._inputs()}
        takes_all = kind_of(self.task).takes_undeclared
        own = {k: v for k, v in given.values.items() if takes_all or k in declared}
        return {**declared, **{k: v for k, v in own.items() if k not in self.work.fixed}}

    def _inputs(self) -> Mapping[str, str]:
        """Return parameter -> exit value, for the tasks that left one."""
        graph = self.step.rpartition(".")[0]
        steps = {name: f"{graph}.{op}" if graph else op for name, op in self.work.inputs.items()}
        values = {name: self.attempts.exit_value(step) for name, step in steps.items()}
        return {name: value for name, value in values.items() if value}

    # --- watching ------------------------------------------------------------------------------------

    def _watch(self, run_id: int) -> RunSnapshot:
        monitor = self.session.monitor
        # A saved job has no timeout of ours on Databricks; a one-time run has, so ours comes a little later.
        grace = 0.0 if self.task.kind == "saved_job" else self.session.plan.poll.timeout_grace_seconds
        timeout = self.task.entry.timeout_seconds + grace if self.task.entry.timeout_seconds else None
        return monitor.watch(
            run_id,
            usual_seconds=self._usual_seconds(),
            min_interval=self.task.entry.poll_seconds,
            stop=self.stop,
            on_change=self._changed,
            deadline=monitor.clock() + timeout if timeout else None,
        )

    def _usual_seconds(self) -> Sequence[float]:
        history = self.session.history(self.context.instance, self.context.job_name)
        return history.usual_seconds(self.step)

    def _changed(self, snapshot: RunSnapshot) -> None:
        if snapshot.outcome is None:
            self.record.state(self.session.workspace, snapshot)

    # --- the end -------------------------------------------------------------------------------------

    def _accepts(self, outcome: Outcome) -> bool:
        return is_accepted(
            outcome, on_partial=self.task.entry.on_partial, on_skipped=self.task.entry.on_skipped
        )

    def _finish(self, snapshot: RunSnapshot) -> TaskResult:
        """Report the end of the run, with what it left behind."""
        outcome = snapshot.outcome
        assert outcome is not None
        accepted = self._accepts(outcome)
        reads = not accepted or kind_of(self.task).leaves_output
        output = self._output(snapshot) if reads else RunOutput()
        url = jobs_api.page_url(self.session.workspace, snapshot)
        children = self._notebook_runs(snapshot)
        text = f"Databricks run {snapshot.run_id} ended: {outcome.code}"
        self.record.result(text, result_data(snapshot, outcome, output, url, children), accepted=accepted)
        self.finished = True
        if not accepted:
            if outcome.verdict == "timed_out" and (limit := self.task.entry.timeout_seconds):
                output = replace(output, error=f"no end within {limit} s (timeout_seconds)")
            failure = run_failure(self.task.name, snapshot, outcome, output, url, children)
            raise self._failed(failure, retry_class(outcome, self.workflow.options.retry_on))
        return task_result(snapshot, outcome, output, url, children)

    def _notebook_runs(self, snapshot: RunSnapshot) -> NotebookRuns:
        """Return what the task started by `dbutils.notebook.run`; not to know it fails nothing."""

        def call(fn: Callable[[], Any]) -> Any:
            patience = self.session.workspace.settings.side_call_seconds
            return self.session.monitor.call(fn, stop=self.stop, patience=patience)

        try:
            return self.session.notebook_runs.started_by(self.task, snapshot, call)
        except Stopped:  # the run has ended, which is to be recorded all the same
            return NotebookRuns()
        except DaraError as error:
            self.context.log.warning(f"The notebooks that {self.task.name} started are not known: {error}")
            return NotebookRuns()

    def _output(self, snapshot: RunSnapshot) -> RunOutput:
        """Return what the run left; a run that ended well does not fail for an output that cannot be read."""
        workspace = self.session.workspace
        try:
            return self.session.monitor.call(lambda: jobs_api.output(workspace, snapshot), stop=self.stop)
        except Stopped:
            raise
        except (RunError, UnreachableError) as error:
            self.context.log.warning(str(error))
            return RunOutput()

    def _failed(self, failure: Failure, retry: Retry) -> Failure | RetryRequested:
        if not retries_enabled(self.context):
            retry = "never"
        error = fail_or_retry(self.task, self.context.retry_number, failure, retry, self.session.plan.poll)
        if self.fail_fast is not None and not isinstance(error, RetryRequested):
            others = self.fail_fast.cancel_others(self.context, self.step, self.task.name)
            for text in stop_others(self.session, others):
                self.context.log.error(text)
        return error

    # --- stopping ------------------------------------------------------------------------------------

    def _timed_out(self) -> Failure | RetryRequested:
        text = f"{self.task.name}: no end within {self.task.entry.timeout_seconds} s (timeout_seconds)"
        outcome = Outcome("timed_out", "TIMEDOUT", text, "now")
        failure = RunFailed(f"{text}. {self._cancel(outcome)}")
        return self._failed(failure, retry_class(outcome, self.workflow.options.retry_on))

    def _stop(self) -> None:
        """Stop the attempt's run because the Dagster run is being terminated."""
        if self.run_id is None and self.sent is not None:
            try:
                self.run_id = find_run(self.session, self.sent)
            except DaraError as error:
                text = f"Whether {self.task.name} was submitted to Databricks is not known: {error}"
                self.context.log.error(text)
                self.record.lost(text, "SUBMIT_UNKNOWN")
        if self.run_id is not None and not self.finished:
            why = "the Dagster run is being terminated"
            self.context.log.info(self._cancel(Outcome("cancelled", "CANCELED", why, "never")))

    def _cancel(self, outcome: Outcome) -> str:
        """Cancel the run and wait until it has stopped; returns what came of it in a sentence."""
        assert self.run_id is not None
        end, why = stop_run(self.session, self.run_id, self._accepts)
        if end == "alive":
            text = f"Databricks run {self.run_id} could not be stopped and is still alive: {self.record.url}"
            text = f"{text} ({why})" if why else text
            self.context.log.error(text)
            self.record.lost(text, "CANCEL_FAILED")
        elif end == "succeeded":
            text = f"Databricks run {self.run_id} had succeeded before it could be cancelled"
            self.record.result(text, {"verdict": "success", "code": "SUCCESS"}, accepted=True)
        else:
            text = f"Databricks run {self.run_id} was cancelled: {outcome.message}"
            self.record.result(text, {"verdict": outcome.verdict, "code": outcome.code}, accepted=False)
        return text


def _retry_of(error: DaraError) -> Retry:
    """Return whether another attempt may help after an error that kept the run from being made or seen."""
    return "now" if isinstance(error, UnreachableError | RunError) else "never"
