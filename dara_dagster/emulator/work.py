"""What an attempt of a task does: run code in a process, compare two values, or run another job."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dara_dagster.emulator import endings
from dara_dagster.emulator.app import ApiError
from dara_dagster.emulator.endings import Ending, platform_failure
from dara_dagster.emulator.references import UnknownReferenceError, resolve
from dara_dagster.emulator.run import Run, TaskRun
from dara_dagster.emulator.run_conditions import compare
from dara_dagster.emulator.runner import TaskResult, end_orphan
from dara_dagster.emulator.scheduler import STOP_SECONDS, Scheduler, Work
from dara_dagster.emulator.simulation import Simulation
from dara_dagster.emulator.task_spec import task_spec

if TYPE_CHECKING:
    from dara_dagster.emulator.state import Workspace


def work_for(workspace: Workspace, scheduler: Scheduler, run: Run, task: TaskRun) -> Work:
    """The work of this attempt; a simulation when a rule asks for one and there is code to simulate."""
    if "condition_task" in task.task:
        return _Condition(workspace, scheduler, run, task)
    if "run_job_task" in task.task:
        return _ChildRun(workspace, scheduler, run, task)
    if task.simulation is None:
        task.simulation = workspace.runs.rules.take(task)
    if task.simulation is not None:
        return Simulation(workspace, scheduler, run, task)
    return _Process(workspace, scheduler, run, task)


class _Base:
    """The common part: who is told, and how to end soon without having done anything."""

    def __init__(self, workspace: Workspace, scheduler: Scheduler, run: Run, task: TaskRun) -> None:
        self.workspace, self.scheduler, self.run, self.task = workspace, scheduler, run, task

    def end_soon(self, ending: Ending, seconds: float = 0.0) -> None:
        end = partial(self.scheduler.ended, self.run, self.task, ending)
        self.workspace.clock.call_later(seconds, end)

    def stop(self) -> None:
        self.end_soon(endings.CANCELED, STOP_SECONDS)


class _Condition(_Base):
    def begin(self) -> None:
        self.workspace.clock.call_later(0, self._evaluate)

    def resume(self) -> None:
        self.begin()

    def _evaluate(self) -> None:
        self.scheduler.running(self.run, self.task)
        try:
            condition = resolve(self.workspace, self.run, self.task, self.task.task["condition_task"])
            self.task.outcome = "true" if compare(condition) else "false"
        except (ValueError, UnknownReferenceError) as error:
            self.end_soon(
                platform_failure("INVALID_RUN_CONFIGURATION", f"The condition has no value: {error}")
            )
        else:
            self.scheduler.ended(self.run, self.task, endings.SUCCESS)


class _ChildRun(_Base):
    """run_job_task: starts a run of a saved job and shares its fate."""

    def begin(self) -> None:
        self.workspace.clock.call_later(0, self._start)

    def resume(self) -> None:
        child = self.workspace.runs.find(self.task.child_run_id or 0)
        if child is None:
            self.begin()
        else:
            self.workspace.clock.call_later(0, partial(self._wait, child))

    def stop(self) -> None:
        child = self.workspace.runs.find(self.task.child_run_id or 0)
        if child is None or not child.active:
            super().stop()
        else:
            self.scheduler.stop(child, "cancel")

    def _start(self) -> None:
        try:
            payload = resolve(self.workspace, self.run, self.task, self.task.task["run_job_task"])
            child = self.workspace.jobs.run_for_task(payload, parent=self.task)
        except (ApiError, UnknownReferenceError) as error:
            self.end_soon(platform_failure("INVALID_RUN_CONFIGURATION", str(error)))
            return
        self.task.child_run_id = child.run_id
        self.scheduler.running(self.run, self.task)
        self._wait(child)

    def _wait(self, child: Run) -> None:
        self.scheduler.when_ended(child, self._child_ended)

    def _child_ended(self, child: Run) -> None:
        assert child.ending is not None
        good = child.ending.result in ("SUCCESS", "SUCCESS_WITH_FAILURES")
        self.end_soon(endings.SUCCESS if good else endings.FAILED)


class _Process(_Base):
    """Code in a process of its own, once the compute it asked for is up."""

    def __init__(self, workspace: Workspace, scheduler: Scheduler, run: Run, task: TaskRun) -> None:
        super().__init__(workspace, scheduler, run, task)
        self._release: Callable[[], None] = lambda: None
        self._launched = False

    def begin(self) -> None:
        self.workspace.clock.call_later(0, self._prepare)

    def resume(self) -> None:
        if self.task.pid is None:
            self.begin()
            return
        if self.task.pid:  # 0: handed to the engine, which had not named its process yet
            end_orphan(self.task.pid)
        text = "The driver was restarted while the task was running."
        self.end_soon(platform_failure("DRIVER_ERROR", text))

    def stop(self) -> None:
        if self._launched:
            self.workspace.runner.stop(self.task.run_id)
        else:
            self._release()
            super().stop()

    def _prepare(self) -> None:
        """Start the compute and wait for it; tasks without any go on at once."""
        if self.task.stop:
            return
        task, workspace = self.task.task, self.workspace
        warehouse_id = (task.get("sql_task") or task.get("notebook_task") or {}).get("warehouse_id")
        try:
            if warehouse_id is not None:
                ready = partial(self._ready, lambda: workspace.warehouses.state(warehouse_id))
                workspace.warehouses.use(warehouse_id, ready)
                self._release = partial(workspace.warehouses.release, warehouse_id)
            elif (cluster_id := self._cluster()) is not None:
                self.task.cluster_id = cluster_id
                ready = partial(self._ready, lambda: workspace.clusters.state(cluster_id))
                workspace.clusters.use(cluster_id, ready)
                self._release = partial(self._leave, cluster_id)
            else:
                self._launch()
        except ApiError as error:
            self.end_soon(platform_failure("INVALID_CLUSTER_REQUEST", error.message))

    def _cluster(self) -> str | None:
        """The id of the cluster to run on, made now if it is the run's own; None means serverless."""
        task, run = self.task.task, self.run
        key = task.get("job_cluster_key")
        if key is not None:
            if key not in run.job_cluster_ids:
                spec = next(one for one in run.settings["job_clusters"] if one["job_cluster_key"] == key)
                run.job_cluster_ids[key] = self._create(spec["new_cluster"])
            return run.job_cluster_ids[key]
        if "new_cluster" in task:
            return self._create(task["new_cluster"])
        return task.get("existing_cluster_id")

    def _create(self, spec: dict[str, object]) -> str:
        name = f"job-{self.run.job_id}-run-{self.task.run_id}"
        return self.workspace.clusters.create({"cluster_name": name, **spec}, source="JOB")

    def _leave(self, cluster_id: str) -> None:
        self.workspace.clusters.release(cluster_id)
        if "new_cluster" in self.task.task:
            self.workspace.clusters.terminate(cluster_id, "JOB_FINISHED")

    def _ready(self, state: Callable[[], str]) -> None:
        self.workspace.clock.call_later(0, partial(self._launch_on, state))

    def _launch_on(self, state: Callable[[], str]) -> None:
        if self.task.stop:
            return
        if state() != "RUNNING":
            self._release()
            self.end_soon(platform_failure("CLUSTER_ERROR", f"The compute of the task is {state()}."))
        else:
            self._launch()

    def _launch(self) -> None:
        spec = task_spec(self.workspace, self.run, self.task)
        if isinstance(spec, Ending):
            self._release()
            self.end_soon(spec)
            return
        # Written before the code can start: after a kill -9 of the server it is not started again.
        self.task.pid, self._launched = 0, True
        self.workspace.runs.save_now(self.run)
        nested = self.run.run_type == "WORKFLOW_RUN"
        self.workspace.runner.launch(spec, started=self._started, ended=self._ended, nested=nested)

    def _started(self, pid: int) -> None:
        self.task.pid = pid
        self.scheduler.running(self.run, self.task)

    def _ended(self, result: TaskResult) -> None:
        self._release()
        output = {
            name: value
            for name in ("exit_value", "error", "error_trace")
            if (value := getattr(result, name)) is not None
        }
        if result.lost:
            ending = platform_failure(result.code, result.lost)
            if not self.task.stop:  # else it was ended by us, and the run's ending says why
                output.setdefault("error", result.lost)
        else:
            ending = endings.SUCCESS if result.ok else endings.FAILED
        self.scheduler.ended(self.run, self.task, ending, output)
