"""Turns a workflow's `sensor` into a Dagster sensor: a run for each new file, or for a batch of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dagster import (
    DefaultSensorStatus,
    JobDefinition,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)

from dara_dagster.defs.arrivals import Cursor, Memory, Pick, mark_of, pick
from dara_dagster.defs.resources import PARAMETERS, WorkspaceSession
from dara_dagster.defs.schedules import free_places
from dara_dagster.errors import DaraError, EmulatorError
from dara_dagster.remote.emulator_process import emulator_status
from dara_dagster.remote.listing import Arrival, Listing, list_folder, list_volume
from dara_dagster.spec.plan import Plan, SensorPlan, WorkflowPlan

__all__ = ["build_sensor"]

# Dagster ends a tick after 60 s; what is found by then is taken, the rest in the next tick.
_LISTING_SECONDS = 30.0


def build_sensor(plan: Plan, workflow: WorkflowPlan, job: JobDefinition) -> SensorDefinition | None:
    """Return the sensor of a workflow that has one. It is on from the start; the UI can turn it off."""
    if workflow.sensor is None:
        return None
    watch = _Watch(plan, workflow, workflow.sensor, job.name)
    place = workflow.sensor.volume or workflow.sensor.folder
    return SensorDefinition(
        name=watch.name,
        evaluation_fn=watch.tick,
        job=job,
        minimum_interval_seconds=workflow.sensor.interval_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Runs {workflow.name} when files arrive in {place}.",
    )


class _Watch:
    """One sensor: looks, picks what is new, asks for runs."""

    def __init__(self, plan: Plan, workflow: WorkflowPlan, sensor: SensorPlan, job_name: str) -> None:
        self.name = f"{job_name}_sensor"
        self._plan, self._workflow, self._sensor, self._job = plan, workflow, sensor, job_name
        self._memory_key = f"dara:{plan.name}:{self.name}"
        self._session = WorkspaceSession(plan)

    def tick(self, context: SensorEvaluationContext) -> SensorResult | SkipReason:
        """One look. What goes wrong is the reason of a skip, and changes nothing that is remembered."""
        free = free_places(context.instance, self._job, self._workflow)
        if free == 0:
            limit = self._workflow.max_concurrent_runs
            return SkipReason(f"{limit} runs of {self._job} are going on (max_concurrent_runs); files wait")
        cursor = Cursor.read(context.cursor, self._sensor.since)
        try:
            listing = self._look(cursor)
        except DaraError as error:
            self._session = WorkspaceSession(self._plan)  # it may be elsewhere by the next tick
            return SkipReason(str(error))
        picked = self._pick(context, cursor, listing, free)
        following = Cursor(**{**picked.cursor.__dict__, "queue": listing.queue})
        return SensorResult(
            run_requests=list(self._requests(picked.files)),
            skip_reason=None if picked.files else _nothing(picked, len(listing.files)),
            cursor=following.to_json(),
        )

    def _look(self, cursor: Cursor) -> Listing:
        sensor = self._sensor
        if sensor.folder is not None:
            found = list_folder(sensor.folder, sensor.patterns, recursive=sensor.recursive)
        else:
            self._ask_for_emulator()
            found = list_volume(
                self._session.workspace,
                sensor.volume or "",
                sensor.patterns,
                recursive=sensor.recursive,
                queue=cursor.queue,
                seconds=_LISTING_SECONDS,
            )
        if sensor.since is None:
            return found
        start = _epoch_ms(sensor.since)
        return Listing(tuple(file for file in found.files if file.time_ms >= start), found.queue)

    def _ask_for_emulator(self) -> None:
        """Raise EmulatorError when the local workspace does not run: a look must not start it.

        Nothing is missed meanwhile, as nobody can put a file into it either.
        """
        if self._plan.workspace == "emulator" and emulator_status(self._plan.root) is None:
            raise EmulatorError(
                "The local workspace is not running; a run or `dara emulator start` starts it."
            )

    def _pick(
        self, context: SensorEvaluationContext, cursor: Cursor, listing: Listing, free: int | None
    ) -> Pick:
        """What this tick takes; the memory is brought up to the tick before, which is certain now."""
        store = context.instance.daemon_cursor_storage
        before = store.get_cursor_values({self._memory_key}).get(self._memory_key)
        most = self._sensor.batch_size
        if self._sensor.per == "file" and free is not None:
            most = min(most, free)
        picked = pick(
            listing.files,
            cursor,
            Memory.read(before),
            now_ms=int(time.time() * 1000),
            settle_seconds=self._sensor.settle_seconds,
            most=most,
            complete=not listing.queue and not cursor.queue,
        )
        if (after := picked.memory.to_json()) != before:
            store.set_cursor_values({self._memory_key: after})
        return picked

    def _requests(self, files: Sequence[Arrival]) -> Iterator[RunRequest]:
        if not files:
            return
        if self._sensor.per == "batch":
            about = [_about(file, self._place(file)) for file in files]
            values = {"files": json.dumps(about), "file_count": str(len(files))}
            tags = {"dara/files": str(len(files)), "dara/first_file": files[0].path}
            yield self._request(
                "-".join([mark_of(files[0]), mark_of(files[-1]), str(len(files))]), files, values, tags
            )
            return
        for file in files:
            values = _about(file, self._place(file))
            tags = {f"dara/{name}": text for name, text in values.items()}
            yield self._request(mark_of(file), [file], values, tags)

    def _request(
        self, mark: str, files: Sequence[Arrival], values: Mapping[str, str], tags: Mapping[str, str]
    ) -> RunRequest:
        config: dict[str, Any] = {"values": dict(values)}
        uploads = {self._place(file): file.path for file in files if self._place(file) != file.path}
        if uploads:
            config["uploads"] = uploads
        return RunRequest(
            run_key=f"{self._sensor.since or ''}{mark}",
            run_config={"resources": {PARAMETERS: {"config": config}}},
            tags={"dara/started_by": "sensor", **tags},
        )

    def _place(self, file: Arrival) -> str:
        """Where the run finds the file: a local one is uploaded for tasks, and left where it is for steps."""
        sensor = self._sensor
        if sensor.folder is None or (self._workflow.steps and not sensor.upload_to):
            return file.path
        inbox = f"/Volumes/{self._plan.catalog or 'main'}/{self._plan.schema or 'default'}/inbox"
        inside = Path(file.path).relative_to(sensor.folder).as_posix()
        return f"{(sensor.upload_to or inbox).rstrip('/')}/{inside}"


def _about(file: Arrival, place: str) -> dict[str, str]:
    changed = datetime.fromtimestamp(file.time_ms / 1000, timezone.utc)
    return {
        "file_path": place,
        "file_name": Path(file.path).name,
        "file_size": str(file.size),
        "file_time": changed.isoformat(timespec="milliseconds"),
    }


def _nothing(picked: Pick, listed: int) -> str:
    if picked.young:
        return f"{picked.young} new files have not settled yet"
    return f"No new files among {listed}"


def _epoch_ms(moment: str) -> int:
    """An ISO 8601 time as epoch milliseconds; without an offset it is in UTC."""
    when = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return int((when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp() * 1000)
