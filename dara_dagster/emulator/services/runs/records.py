"""A run and the attempts of its tasks, as the server remembers them (plain values, written as JSON)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dara_dagster.emulator.services.runs.outcomes import Outcome


@dataclass
class TaskRun:
    """One attempt of one task. `state` is v1's life_cycle_state; times in epoch ms, durations in ms.

    `stop` says why it is being ended before its time: "cancel" or "timeout".
    """

    run_id: int
    task_key: str
    task: dict[str, Any]
    start_time: int
    attempt: int = 0
    state: str = "BLOCKED"
    running_since: int = 0
    end_time: int = 0
    outcome: Outcome | None = None
    stop: str = ""
    cluster_id: str | None = None
    child_run_id: int | None = None
    branch: str | None = None
    pid: int | None = None
    simulation: dict[str, Any] | None = None
    output: dict[str, Any] = field(default_factory=dict)

    @property
    def setup_ms(self) -> int:
        return self.running_since - self.start_time if self.running_since else 0

    @property
    def execution_ms(self) -> int:
        return self.end_time - self.running_since if self.running_since and self.end_time else 0

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> TaskRun:
        """Load it from the store."""
        return cls(**_pick_known(cls, stored))


@dataclass
class Stage:
    """A part of a run that a repair has closed: the original run, or a repair (`repair_id`)."""

    start_time: int
    end_time: int
    outcome: Outcome | None
    task_run_ids: list[int]
    repair_id: int | None = None

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Stage:
        """Load it from the store."""
        return cls(**_pick_known(cls, stored))


@dataclass
class Run:
    """A run of a job: the attempts of its tasks in the order they came up, and what it was asked to do.

    `settings` is the submit body, or the saved job's settings, without its tasks. `stages` are what there was
    before the latest repair (`repair_id`, begun at `repaired_at`).
    """

    run_id: int
    job_id: int
    run_type: str
    run_name: str
    start_time: int
    settings: dict[str, Any]
    tasks: list[TaskRun]
    number_in_job: int = 0
    trigger: str = "ONE_TIME"
    state: str = "PENDING"
    queued_until: int = 0
    end_time: int = 0
    outcome: Outcome | None = None
    stop: str = ""
    token: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    parent_run_id: int | None = None
    job_cluster_ids: dict[str, str] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    repair_id: int | None = None
    repaired_at: int = 0

    @property
    def stage_start(self) -> int:
        """Return when the run, or its latest repair, began."""
        return self.repaired_at or self.start_time

    def stage(self) -> Stage:
        """Return what began with the latest repair, or with the run."""
        before = {run_id for stage in self.stages for run_id in stage.task_run_ids}
        now = [task.run_id for task in self.tasks if task.run_id not in before]
        return Stage(self.stage_start, self.end_time, self.outcome, now, self.repair_id)

    @property
    def active(self) -> bool:
        return self.outcome is None

    def latest(self) -> dict[str, TaskRun]:
        """Return the last attempt of each task."""
        return {task.task_key: task for task in self.tasks}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Run:
        """Load it from the store."""
        tasks = [TaskRun.load(task) for task in stored["tasks"]]
        stages = [Stage.load(stage) for stage in stored.get("stages", ())]
        return cls(**{**_pick_known(cls, stored), "tasks": tasks, "stages": stages})


def _pick_known(kind: Any, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what this version of the server knows of what another may have written, the outcome read."""
    known = {one.name: stored[one.name] for one in fields(kind) if one.name in stored}
    if "ending" in stored:  # what `outcome` was called in older stores, when `outcome` was the branch
        known |= {"outcome": stored["ending"]}
        if "branch" in (one.name for one in fields(kind)):
            known["branch"] = stored.get("outcome")
    outcome = known["outcome"]
    return {**known, "outcome": Outcome(**outcome) if outcome else None}
