"""Turns the event logs of a run and of the runs it re-executes into the attempt a step has to make now.

An attempt is one Databricks run. It is written down with its token before the run is submitted, so whatever
happens to the process, the next one knows which token may have a run. A new attempt's token is made of the
Dagster run that makes it, so re-executions of one run, in sequence or in parallel, never share one.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dagster import DagsterInstance, DagsterRun, RunsFilter

from dara_dagster.executor.events import Event, Recorded, StepChange, read
from dara_dagster.executor.process import HIDDEN
from dara_dagster.workspace.runs.jobs_api import attempt_token

__all__ = ["ATTEMPT", "LOST", "RESULT", "SEED_TAG", "SUBMITTED", "UPLOADED", "Attempt", "AttemptLog"]

# The kinds of our events that this file reads; execute.py writes them.
ATTEMPT = "attempt"
SUBMITTED = "submitted"
RESULT = "result"
UPLOADED = "uploaded"
# The verdict of a run that could neither be seen to end nor be stopped: the next start attaches to it.
LOST = "lost"

# Tells a run from an earlier one of the same id that was deleted: it must not be handed that one's results.
SEED_TAG = f"{HIDDEN}seed"
_ROOT_TAG = "dagster/root_run_id"


@dataclass(frozen=True)
class Attempt:
    """One attempt of a step.

    `databricks_run` is known once the submission was answered. `open` is False when nothing is left to do
    for this attempt: its failure was reported, or its success reached Dagster. `earlier` says that another
    start of the step began it (a process that died, a run that was re-executed).
    """

    number: int
    token: str
    databricks_run: int | None = None
    open: bool = True
    earlier: bool = False


class AttemptLog:
    """The attempts of every step of one Dagster run, read once from the event logs and then kept up to date.

    `uploads` are the places and sizes of the files that had been uploaded for it by then.
    Threads may ask about different steps at the same time.
    """

    def __init__(self, instance: DagsterInstance, run: DagsterRun) -> None:
        self.run_id = run.run_id
        self._seed = run.run_id + run.tags.get(SEED_TAG, "")
        self._lock = threading.Lock()
        self._last: dict[str, Attempt] = {}
        self._highest: dict[str, int] = {}
        self._exit_values: dict[str, str] = {}
        self.uploads: dict[str, int] = {}
        known: dict[str, dict[str, Attempt]] = defaultdict(dict)
        for run_id in _relatives(instance, run):
            self._learn(read(instance, run_id)[0], known)
        for key, attempts in known.items():
            self._highest[key] = max(attempt.number for attempt in attempts.values())
            still_open = [attempt for attempt in attempts.values() if attempt.open]
            self._last[key] = (still_open or list(attempts.values()))[-1]

    def begin(self, step_key: str) -> Attempt:
        """Return the attempt this start of the step has to make.

        The last one again while it is open: the process died, the run was lost, or it succeeded and Dagster
        never heard of it. Otherwise a new one.
        """
        with self._lock:
            last = self._last.get(step_key)
        if last is not None and last.open:
            return replace(last, earlier=True)
        return self.next(step_key)

    def next(self, step_key: str) -> Attempt:
        """Return a new attempt of the step, with a token no run has had."""
        with self._lock:
            number = self._highest[step_key] = self._highest.get(step_key, 0) + 1
            attempt = Attempt(number, attempt_token(self._seed, step_key, number))
            self._last[step_key] = attempt
            return attempt

    def submitted(self, step_key: str, databricks_run: int) -> None:
        """Note the Databricks run of the step's attempt."""
        with self._lock:
            self._last[step_key] = replace(self._last[step_key], databricks_run=databricks_run)

    def succeeded(self, step_key: str, exit_value: str) -> None:
        """Note what the step's successful run returned ("" for nothing)."""
        with self._lock:
            self._exit_values[step_key] = exit_value

    def exit_value(self, step_key: str) -> str:
        """Return what the last successful run of that step returned, "" for nothing."""
        with self._lock:
            return self._exit_values.get(step_key, "")

    def failed(self, step_key: str) -> None:
        """Note that the step's attempt came to a bad end that Dagster is about to hear of."""
        with self._lock:
            self._last[step_key] = replace(self._last[step_key], open=False)

    def _learn(self, events: Iterable[Event], known: Mapping[str, dict[str, Attempt]]) -> None:
        """Take in the events of one run: `known`: step key -> token -> attempt."""
        current: dict[str, Attempt] = {}
        for event in events:
            if isinstance(event, Recorded) and event.kind == UPLOADED:
                self.uploads[str(event.data["path"])] = int(event.data["bytes"])
            key = event.step_key if isinstance(event, Recorded | StepChange) else None
            if key is None:
                continue
            if isinstance(event, Recorded) and event.kind == RESULT and event.data["accepted"]:
                self._exit_values[key] = str(event.data.get("exit_value", ""))
            changed = _after(current.get(key), event)
            if changed is not None:
                current[key] = changed
                known[key].pop(changed.token, None)
                known[key][changed.token] = changed


def _after(attempt: Attempt | None, event: Event) -> Attempt | None:
    """Return the step's attempt after one more event of its run."""
    if isinstance(event, Recorded) and event.kind == ATTEMPT:
        number, token = int(event.data["attempt"]), str(event.data["token"])
        return attempt if attempt and attempt.number == number else Attempt(number, token)
    if attempt is None:
        return None
    if isinstance(event, StepChange):
        return replace(attempt, open=False) if event.word == "success" else attempt
    if isinstance(event, Recorded) and event.kind == SUBMITTED:
        return replace(attempt, databricks_run=int(event.data["databricks_run_id"]))
    if isinstance(event, Recorded) and event.kind == RESULT:
        still_open = bool(event.data["accepted"]) or event.data["verdict"] == LOST
        return replace(attempt, open=still_open)
    return attempt


def _relatives(instance: DagsterInstance, run: DagsterRun) -> list[str]:
    """Return the runs whose attempts matter: other re-executions that have ended, then ancestors, then `run`.

    One that is active keeps its Databricks runs for itself. Runs started by `execute_job` bear no tag of the
    root, so ancestors are found by following the parents.
    """
    line, found = [run.run_id], instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    while found is not None and found.run_id not in line:
        line.append(found.run_id)
        found = instance.get_run_by_id(found.parent_run_id) if found.parent_run_id else None
    if len(line) == 1:
        return line
    family = instance.get_runs(RunsFilter(tags={_ROOT_TAG: run.root_run_id or line[-1]}))
    others = [each.run_id for each in family if each.is_finished and each.run_id not in line]
    return [*reversed(others), *reversed(line)]
