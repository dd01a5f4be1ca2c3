"""Executes a workflow's job in this process, marks the run as ours, and gives back how it ended."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dagster import (
    DagsterExecutionInterruptedError,
    DagsterInstance,
    DagsterRun,
    ReexecutionOptions,
    RunsFilter,
    build_reconstructable_job,
    execute_job,
)
from rich.console import Console

from dara_dagster.cli.project import WITHOUT_RUN
from dara_dagster.cli.render.lines import say, tell
from dara_dagster.cli.render.live import Follower, LiveView, PlainView, View
from dara_dagster.defs.definitions import load_plan
from dara_dagster.defs.jobs import SEQUENTIAL, JobChoice, job_names
from dara_dagster.defs.repository import built_once
from dara_dagster.defs.run_config import run_config
from dara_dagster.defs.schedules import free_places
from dara_dagster.defs.translator import Translator
from dara_dagster.errors import RunError
from dara_dagster.executor.gc_tuning import tuned_gc
from dara_dagster.executor.process import HIDDEN, PROCESS_TAG, is_abandoned, own_mark
from dara_dagster.history.durations import counted
from dara_dagster.history.status import RunStatus, find_run, read_status
from dara_dagster.workspace.caller import act_for

__all__ = ["Execution", "Show", "execute"]

LAUNCH_TAG = f"{HIDDEN}launch"
_RESUMED = "dagster/is_resume_retry"
Show = Literal["tasks", "log", "nothing"]


@dataclass(frozen=True)
class Execution:
    """What to execute: the job `job`, or, from where it stopped, the run `resume` (the start of its id).

    `show` says what appears meanwhile: the tasks, Dagster's log, or nothing.
    """

    config_dir: Path
    job: JobChoice | None
    parameters: Mapping[str, str]
    resume: str | None = None
    show: Show = "tasks"


def execute(instance: DagsterInstance, wanted: Execution) -> RunStatus:
    """Run it to its end and return how it stands then, also when it failed or was cancelled.

    Belongs in the main thread: Ctrl-C and SIGTERM cancel the run. Raises RunError when there is nothing
    to resume.
    """
    act_for(None)  # at a terminal, who starts the run is its caller
    with built_once(), tuned_gc():
        return _execute(instance, wanted)


def _execute(instance: DagsterInstance, wanted: Execution) -> RunStatus:
    parent = _resumable(instance, wanted.resume) if wanted.resume is not None else None
    if parent is not None:
        job_name = parent.job_name
    else:
        assert wanted.job is not None
        job_name = wanted.job.name
    arguments: Any = (str(wanted.config_dir.resolve()), job_name)
    job = build_reconstructable_job("dara_dagster.defs.repository", "job_from_config", arguments)
    again = ReexecutionOptions.from_failure(parent.run_id, instance) if parent else None
    launch = uuid.uuid4().hex
    tags = {LAUNCH_TAG: launch, PROCESS_TAG: own_mark(), **_lineage(parent)}
    # An interrupt needs no word here: the run's own record says that it was cancelled.
    interrupts = suppress(DagsterExecutionInterruptedError, KeyboardInterrupt)
    _say_if_it_waits(instance, wanted, job_name)
    try:
        with _shown(instance, (LAUNCH_TAG, launch), wanted.show), interrupts:
            execute_job(job, instance, _run_config(wanted, parent), tags, reexecution_options=again)
    except Exception as error:
        run = _launched(instance, launch)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, f"{type(error).__name__}: {error}")
        raise
    run = _launched(instance, launch)
    if run is None:
        raise KeyboardInterrupt(WITHOUT_RUN)
    if not run.is_finished:  # interrupted where nobody listened: between its making and its first step
        instance.report_run_canceled(run, "Interrupted before its first step.")
    return read_status(instance, run.run_id)


def _say_if_it_waits(instance: DagsterInstance, wanted: Execution, job_name: str) -> None:
    plan = load_plan(wanted.config_dir)
    names = job_names(plan, Translator())
    for workflow in plan.workflows:
        is_it = job_name in (names[workflow.name], names[workflow.name] + SEQUENTIAL)
        if is_it and free_places(instance, plan, workflow) == 0:
            limit = counted(workflow.options.max_concurrent_runs, "run")
            text = f"{limit} of {workflow.name} at a time (max_concurrent_runs): this one waits for its turn."
            say(text, err=True)


def _launched(instance: DagsterInstance, launch: str) -> DagsterRun | None:
    return next(iter(instance.get_runs(RunsFilter(tags={LAUNCH_TAG: launch}), limit=1)), None)


def _lineage(parent: DagsterRun | None) -> Mapping[str, str]:
    """Return the tags by which Dagster knows that runs belong together; `execute_job` leaves them out."""
    if parent is None:
        return {}
    root = parent.root_run_id or parent.run_id
    return {"dagster/parent_run_id": parent.run_id, "dagster/root_run_id": root, _RESUMED: "true"}


def _resumable(instance: DagsterInstance, text: str) -> DagsterRun:
    """Return the run to resume: the one asked for, or the last that resumed it.

    So nothing is done again that a run in between has done. One whose process has died is marked as failed.
    """
    asked = _run(instance, find_run(instance, text))
    run = _last_resumed(instance, asked)
    if not run.is_finished and is_abandoned(run):
        run = _run(instance, run.run_id)  # once more: this is what its process left
        if not run.is_finished:
            instance.report_run_failed(run, "The run's process died.")
            run = _run(instance, run.run_id)
    who = f"run {run.run_id}"
    if run.run_id != asked.run_id:
        who = f"run {asked.run_id} was resumed by run {run.run_id}, which"
    if run.is_success:
        raise RunError(f"{who} succeeded; there is nothing to resume")
    if not run.is_finished:
        raise RunError(f"{who} is still active; `dara cancel {run.run_id[:8]}` ends it")
    if run.run_id != asked.run_id:
        text = f"Run {asked.run_id[:8]} was resumed before: resuming its last run {run.run_id[:8]}."
        say(text, err=True)
    return run


def _last_resumed(instance: DagsterInstance, run: DagsterRun) -> DagsterRun:
    """Return the newest run that resumed `run`, over any number of runs; `run` itself when none did.

    One that ran chosen steps only (*Re-execute selected*) did not resume it.
    """
    family = instance.get_runs(RunsFilter(tags={"dagster/root_run_id": run.root_run_id or run.run_id}))
    resumed = {run.run_id}
    for later in reversed(family):  # the oldest first
        is_whole = later.tags.get(_RESUMED) == "true" or LAUNCH_TAG in later.tags
        if later.parent_run_id in resumed and is_whole:
            resumed.add(later.run_id)
            run = later
    return run


def _run(instance: DagsterInstance, run_id: str) -> DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def _run_config(wanted: Execution, parent: DagsterRun | None) -> dict[str, Any]:
    """Return the parameters, laid over those of the run to resume, and how much of Dagster's log to print."""
    level = "DEBUG" if wanted.show == "log" else "CRITICAL"
    one_at_a_time = wanted.job is not None and wanted.job.one_at_a_time
    before = parent.run_config if parent else None
    config = run_config(wanted.parameters, before, one_at_a_time=one_at_a_time)
    return {**config, "loggers": {"console": {"config": {"log_level": level}}}}


@contextmanager
def _shown(instance: DagsterInstance, tag: tuple[str, str], show: Show) -> Iterator[None]:
    """While open, show the run with this tag on the terminal as it was before Dagster captured it."""
    if show != "tasks":
        yield
        return
    # Dagster puts files in the place of stdout and stderr while steps run, to keep what they print.
    with os.fdopen(os.dup(1), "w") as terminal:
        console = Console(file=terminal, highlight=False)
        can_redraw = console.is_terminal and not console.is_dumb_terminal
        view: View = LiveView(console) if can_redraw else PlainView(console)
        follower = Follower(instance, tag, view)
        follower.start()
        try:
            yield
        finally:
            follower.stop()
            if follower.error is not None:
                tell(console, f"Its tasks could not be shown: {follower.error}")
