"""What an attempt of a task does: run code in a process, compare two values, or run another job."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError
from dara_dagster.emulator.core.task_kinds import find_code_path
from dara_dagster.emulator.faults.simulation import SimulationRules
from dara_dagster.emulator.runtime.references import UnknownReferenceError, resolve
from dara_dagster.emulator.runtime.runner import Runner, TaskResult, end_orphan
from dara_dagster.emulator.runtime.simulated_task import SimulatedTask
from dara_dagster.emulator.runtime.task_spec import CodeSources, build_spec
from dara_dagster.emulator.services.compute.clusters import Clusters
from dara_dagster.emulator.services.compute.warehouses import Warehouses
from dara_dagster.emulator.services.jobs.rules import Jobs
from dara_dagster.emulator.services.runs import outcomes
from dara_dagster.emulator.services.runs.conditions import compare
from dara_dagster.emulator.services.runs.outcomes import Outcome, platform_failure
from dara_dagster.emulator.services.runs.records import Run, TaskRun
from dara_dagster.emulator.services.runs.rules import Runs
from dara_dagster.emulator.services.runs.scheduler import STOP_SECONDS, Work

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempts:
    """Makes the work of attempts, out of all the services it needs."""

    context: Context
    runs: Runs
    jobs: Jobs
    clusters: Clusters
    warehouses: Warehouses
    runner: Runner
    sources: CodeSources
    simulations: SimulationRules

    def start_work(self, run: Run, task: TaskRun) -> Work:
        """Start the work of this attempt; a simulation when a rule asks for one and there is code to
        simulate."""
        if "condition_task" in task.task:
            return _Condition(self, run, task)
        if "run_job_task" in task.task:
            return _ChildRun(self, run, task)
        if task.simulation is None:
            task.simulation = self.simulations.take(task.task_key, find_code_path(task.task))
        if task.simulation is not None:
            return SimulatedTask(self.context.clock, self.runs.scheduler, run, task)
        return _Process(self, run, task)


class _Base:
    """The common part: how to take a step later, and how to end without having done anything."""

    def __init__(self, services: Attempts, run: Run, task: TaskRun) -> None:
        self.services, self.scheduler, self.run, self.task = services, services.runs.scheduler, run, task

    def call_soon(self, step: Callable[[], None]) -> None:
        """Take the step once the event loop is free."""
        self.services.context.clock.call_later(0, partial(self.guard, step))

    def guard(self, step: Callable[[], None]) -> None:
        """Take the step; where it fails (a full disk, for one), the attempt ends instead of waiting on."""
        try:
            step()
        except Exception as error:
            logger.exception("task run %s of run %s", self.task.run_id, self.run.run_id)
            text = f"The task could not be started: {type(error).__name__}: {error}"
            self.give_up(platform_failure("INTERNAL_ERROR", text))

    def give_up(self, outcome: Outcome) -> None:
        """End without having run."""
        self.end_soon(outcome)

    def end_soon(self, outcome: Outcome, seconds: float = 0.0) -> None:
        end = partial(self.scheduler.ended, self.run, self.task, outcome)
        self.services.context.clock.call_later(seconds, end)

    def stop(self) -> None:
        self.end_soon(outcomes.CANCELED, STOP_SECONDS)


class _Condition(_Base):
    def begin(self) -> None:
        self.call_soon(self._evaluate)

    def resume(self) -> None:
        self.begin()

    def _evaluate(self) -> None:
        self.scheduler.running(self.run, self.task)
        try:
            condition = resolve(self.services.context, self.run, self.task, self.task.task["condition_task"])
            self.task.branch = "true" if compare(condition) else "false"
        except (ValueError, UnknownReferenceError) as error:
            self.end_soon(
                platform_failure("INVALID_RUN_CONFIGURATION", f"The condition has no value: {error}")
            )
        else:
            self.scheduler.ended(self.run, self.task, outcomes.SUCCESS)


class _ChildRun(_Base):
    """run_job_task: starts a run of a saved job and shares its fate."""

    def begin(self) -> None:
        self.call_soon(self._start)

    def resume(self) -> None:
        # A run knows who asked for it from the start, its asker only a moment later.
        child = next(self.services.runs.children(self.task), None)
        if child is None:
            self.begin()
        else:
            self.call_soon(partial(self._follow_child, child))

    def stop(self) -> None:
        child = self.services.runs.find(self.task.child_run_id or 0)
        if child is None or not child.active:
            super().stop()
        else:
            self.scheduler.stop(child, "cancel")

    def _start(self) -> None:
        if self.task.stop:
            return
        try:
            payload = resolve(self.services.context, self.run, self.task, self.task.task["run_job_task"])
            child = self.services.jobs.run_for_task(payload, parent=self.task)
        except (ApiError, UnknownReferenceError) as error:
            self.end_soon(platform_failure("INVALID_RUN_CONFIGURATION", str(error)))
            return
        self._follow_child(child)

    def _follow_child(self, child: Run) -> None:
        self.task.child_run_id = child.run_id
        self.scheduler.running(self.run, self.task)
        self.scheduler.when_ended(child, self._end_with_child)

    def _end_with_child(self, child: Run) -> None:
        assert child.outcome is not None
        good = child.outcome.result in ("SUCCESS", "SUCCESS_WITH_FAILURES")
        self.end_soon(outcomes.SUCCESS if good else outcomes.FAILED)


class _Process(_Base):
    """Code in a process of its own, once the compute it asked for is up."""

    def __init__(self, services: Attempts, run: Run, task: TaskRun) -> None:
        super().__init__(services, run, task)
        self._give_back: Callable[[], None] = lambda: None
        self._launched = False
        self._fate: Outcome | None = None  # what it ends with, once its compute is gone

    def begin(self) -> None:
        self.call_soon(self._prepare)

    def resume(self) -> None:
        if self.task.pid is None:
            self.begin()
            return
        if self.task.pid:  # 0: handed to the engine, which had not named its process yet
            end_orphan(self.task.pid)
        self.services.runner.clean_up(self.run.run_id, self.task.run_id)
        self._leave_compute()
        text = "The driver was restarted while the task was running."
        self.end_soon(platform_failure("DRIVER_ERROR", text))

    def stop(self) -> None:
        if self._launched:
            self.services.runner.stop(self.task.run_id)
        else:
            self._leave_compute()
            super().stop()

    def give_up(self, outcome: Outcome) -> None:
        self._leave_compute()
        super().give_up(outcome)

    def _prepare(self) -> None:
        """Start the compute and wait for it; tasks without any start at once."""
        if self.task.stop:
            return
        task, services = self.task.task, self.services
        ready = partial(self.guard, self._launch)
        warehouse_id = (task.get("sql_task") or task.get("notebook_task") or {}).get("warehouse_id")
        try:
            if warehouse_id is not None:
                self._give_back = services.warehouses.use(warehouse_id, ready, self._handle_loss)
            elif (cluster_id := self._choose_cluster()) is not None:
                self.task.cluster_id = cluster_id
                self._give_back = services.clusters.use(cluster_id, ready, self._handle_loss)
            else:
                self._launch()
        except ApiError as error:
            self.give_up(platform_failure("INVALID_CLUSTER_REQUEST", error.message))

    def _choose_cluster(self) -> str | None:
        """Return the id of the cluster to run on, made now if it is the run's own; None means serverless."""
        task, run = self.task.task, self.run
        key = task.get("job_cluster_key")
        if key is not None:
            if key not in run.job_cluster_ids:
                spec = next(one for one in run.settings["job_clusters"] if one["job_cluster_key"] == key)
                run.job_cluster_ids[key] = self._create_cluster(spec["new_cluster"])
            return run.job_cluster_ids[key]
        if "new_cluster" in task:
            return self.task.cluster_id or self._create_cluster(task["new_cluster"])  # made before a restart
        return task.get("existing_cluster_id")

    def _create_cluster(self, spec: dict[str, object]) -> str:
        name = f"job-{self.run.job_id}-run-{self.task.run_id}"
        return self.services.clusters.create({"cluster_name": name, **spec}, source="JOB")

    def _leave_compute(self) -> None:
        """Give the compute back; a cluster made for this attempt ends with it."""
        self._give_back()
        if "new_cluster" in self.task.task and self.task.cluster_id is not None:
            with contextlib.suppress(ApiError):  # deleted for good meanwhile
                self.services.clusters.terminate(self.task.cluster_id, "JOB_FINISHED")

    def _handle_loss(self, why: str) -> None:
        """End the attempt: its compute cannot start, or ended under the code (SDK, TerminationCodeCode)."""
        others = "existing_cluster_id" in self.task.task
        self._fate = platform_failure("CLUSTER_TERMINATED_BY_USER" if others else "CLUSTER_ERROR", why)
        if self._launched:
            self.services.runner.stop(self.task.run_id)
        else:
            self.give_up(self._fate)

    def _launch(self) -> None:
        if self.task.stop:
            return
        spec = build_spec(self.services.sources, self.run, self.task)
        if isinstance(spec, Outcome):
            self.give_up(spec)
            return
        # Written before the code can start: after a kill -9 of the server it is not started again.
        self.task.pid = 0
        self.services.runs.save_now(self.run)
        nested = self.run.run_type == "WORKFLOW_RUN"
        self.services.runner.launch(spec, started=self._handle_start, ended=self._handle_end, nested=nested)
        self._launched = True

    def _handle_start(self, pid: int) -> None:
        self.task.pid = pid
        self.scheduler.running(self.run, self.task)

    def _handle_end(self, result: TaskResult) -> None:
        self._leave_compute()
        output = {
            name: value
            for name in ("exit_value", "error", "error_trace")
            if (value := getattr(result, name)) is not None
        }
        outcome = self._fate or _read_outcome(result)
        if outcome.life_cycle == "INTERNAL_ERROR" and not self.task.stop:  # else the run's outcome says why
            output.setdefault("error", outcome.message)
        self.scheduler.ended(self.run, self.task, outcome, output)


def _read_outcome(result: TaskResult) -> Outcome:
    if result.lost:
        return platform_failure(result.code, result.lost)
    return outcomes.SUCCESS if result.ok else outcomes.FAILED
