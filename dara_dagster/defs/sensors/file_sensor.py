"""Turns a workflow's `sensor` into a Dagster sensor: a run for each new file, or for a batch of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    JobDefinition,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)

from dara_dagster.config.models import Sensor
from dara_dagster.config.plan import Plan, WorkflowPlan
from dara_dagster.defs.resource_keys import PARAMETERS
from dara_dagster.defs.resources import WorkspaceSession
from dara_dagster.defs.schedules import free_places, initial_status
from dara_dagster.defs.sensors.file_cursor import Cursor, SeenFiles, Selection, digest, pick
from dara_dagster.errors import DaraError, EmulatorError, FileError
from dara_dagster.workspace.emulator_process import emulator_status
from dara_dagster.workspace.listing import Arrival, Listing, list_folder, list_volume
from dara_dagster.workspace.rate_limited import in_background

__all__ = ["build_sensor"]


def build_sensor(plan: Plan, workflow: WorkflowPlan, job: JobDefinition) -> SensorDefinition | None:
    """Return the sensor of a workflow that has one, on from the start if its file says `running`."""
    if workflow.sensor is None:
        return None
    watch = _Watch(plan, workflow, workflow.sensor, job.name)
    place = workflow.sensor.volume or workflow.sensor.folder
    return SensorDefinition(
        name=watch.name,
        evaluation_fn=watch.tick,
        job=job,
        minimum_interval_seconds=workflow.sensor.interval_seconds,
        default_status=DefaultSensorStatus[initial_status(workflow)],
        description=f"Runs {workflow.name} when files arrive in {place}.",
    )


class _Watch:
    """One sensor: looks, picks what is new, asks for runs."""

    def __init__(self, plan: Plan, workflow: WorkflowPlan, sensor: Sensor, job_name: str) -> None:
        self.name = f"{job_name}_sensor"
        self._plan, self._workflow, self._sensor, self._job = plan, workflow, sensor, job_name
        self._session = WorkspaceSession(plan, patience=0.0)  # the next tick is the next try
        self._look_under_way: Future[tuple[int, Listing]] | None = None

    def tick(self, context: SensorEvaluationContext) -> SensorResult | SkipReason:
        """Evaluate the sensor once. What goes wrong is the reason of a skip, and changes nothing that is
        remembered."""
        free = free_places(context.instance, self._plan, self._workflow)
        if free == 0:
            limit = self._workflow.options.max_concurrent_runs
            return SkipReason(f"{limit} runs of {self._job} are active (max_concurrent_runs); files wait")
        cursor = Cursor.read(context.cursor)
        try:
            began_ms, listing = self._look_in_time(cursor)
        except DaraError as error:
            self._session = WorkspaceSession(self._plan, patience=0.0)  # it may be elsewhere by the next tick
            return SkipReason(str(error))
        picked = self._pick(context, cursor, listing, began_ms, free)
        return SensorResult(
            run_requests=list(self._requests(picked)),
            skip_reason=None if picked.files else _nothing(picked, listing),
            cursor=picked.cursor.to_json(),
        )

    def _look_in_time(self, cursor: Cursor) -> tuple[int, Listing]:
        """Return when the look under way began (epoch milliseconds) and what it found.

        Raises FileError when it does not come back in time: it continues, and serves a later tick.
        """
        began_ms = int(time.time() * 1000)
        look = self._look_under_way or in_background(lambda: (began_ms, self._look(cursor)), "dara-listing")
        self._look_under_way = look
        wait([look], self._plan.poll.listing_timeout_seconds)
        if not look.done():
            place = self._sensor.volume or self._sensor.folder
            raise FileError(f"The listing of {place} is not finished yet; a later tick takes it.")
        self._look_under_way = None
        return look.result()

    def _look(self, cursor: Cursor) -> Listing:
        sensor = self._sensor
        if sensor.folder is not None:
            return list_folder(
                Path(sensor.folder),
                sensor.pattern,
                recursive=sensor.recursive,
                follow_links=sensor.follow_links,
            )
        self._ask_for_emulator()
        return list_volume(
            self._session.workspace,
            sensor.volume or "",
            sensor.pattern,
            recursive=sensor.recursive,
            queue=cursor.queue,
            seconds=self._plan.poll.listing_seconds,
        )

    def _ask_for_emulator(self) -> None:
        """Raise EmulatorError when the local workspace does not run: a look must not start it.

        Nothing is missed meanwhile, as nobody can put a file into it either.
        """
        if self._plan.workspace == "emulator" and emulator_status(self._plan.root) is None:
            raise EmulatorError(
                "The local workspace is not running; a run or `dara emulator start` starts it."
            )

    def _pick(
        self,
        context: SensorEvaluationContext,
        cursor: Cursor,
        listing: Listing,
        began_ms: int,
        free: int | None,
    ) -> Selection:
        """Return what this tick takes of a listing begun at `began_ms`.

        The memory is brought up to the tick before, which is certain now.
        """
        store, key = context.instance.daemon_cursor_storage, self._memory_key(context)
        before = SeenFiles.read(store.get_cursor_values({key}).get(key))
        seen_files = before.with_taken(cursor.taken)
        if not seen_files.marks.issuperset(seen_files.offered) and _was_started(
            context.instance, seen_files.run_key
        ):
            seen_files = seen_files.with_taken(seen_files.offered)
        seen_files = seen_files.with_offer((), "")
        most = self._sensor.batch_size
        if self._sensor.per == "file" and free is not None:
            most = min(most, free)
        picked = pick(
            listing,
            cursor,
            seen_files,
            now_ms=began_ms,
            settle_seconds=self._sensor.settle_seconds,
            most=most,
            since_ms=None if self._sensor.since is None else _epoch_ms(self._sensor.since),
        )
        if self._sensor.per == "batch" and picked.files:
            offer = picked.seen_files.with_offer(picked.cursor.taken, digest(key, *picked.marks))
            picked = replace(picked, seen_files=offer)
        if picked.seen_files != before:
            store.set_cursor_values({key: picked.seen_files.to_json()})
        return picked

    def _memory_key(self, context: SensorEvaluationContext) -> str:
        """Return where the memory is kept; a project that is loaded twice has two sensors, and each a
        memory."""
        origin = context.code_location_origin
        return ":".join(["dara", origin.location_name if origin else "", self._plan.name, self.name])

    def _requests(self, picked: Selection) -> Iterator[RunRequest]:
        """Yield a run for each file, known by its mark, or one for all, known by the key that the memory
        has."""
        files = picked.files
        if self._sensor.per == "batch" and files:
            about = [_about(file, self._place(file)) for file in files]
            values = {"files": json.dumps(about), "file_count": str(len(files))}
            tags = {"dara/files": str(len(files)), "dara/first_file": files[0].path}
            yield self._request(picked.seen_files.run_key, files, values, tags)
            return
        for mark, file in zip(picked.marks, files, strict=True):
            values = _about(file, self._place(file))
            tags = {f"dara/{name}": text for name, text in values.items()}
            yield self._request(mark, [file], values, tags)

    def _request(
        self, run_key: str, files: Sequence[Arrival], values: Mapping[str, str], tags: Mapping[str, str]
    ) -> RunRequest:
        config: dict[str, Any] = {"values": dict(values)}
        uploads = {self._place(file): file.path for file in files if self._place(file) != file.path}
        if uploads:
            config["uploads"] = uploads
        return RunRequest(
            run_key=run_key,
            run_config={"resources": {PARAMETERS: {"config": config}}},
            tags={"dara/started_by": "sensor", **tags},
        )

    def _place(self, file: Arrival) -> str:
        """Return where the run finds the file: a local one is uploaded for tasks, and left where it is for
        steps."""
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


def _was_started(instance: DagsterInstance, run_key: str) -> bool:
    """Return whether a run was started for that batch.

    Dagster knows a run by its key. A daemon that dies between a run's start and the storing of the cursor
    asks again, but with the files that came since the batch is another one, with another key.
    """
    runs = instance.get_runs(RunsFilter(tags={"dagster/run_key": run_key}))
    return any(run.status != DagsterRunStatus.NOT_STARTED for run in runs)


def _nothing(picked: Selection, listing: Listing) -> str:
    text = f"No new files among {picked.among}"
    if picked.young:
        text = f"{picked.young} new files have not settled yet"
    if listing.queue:
        text += "; the listing continues in the next tick"
    if listing.left_out:
        text += f"; left out, as their names are no UTF-8: {', '.join(listing.left_out[:5])}"
    return text


def _epoch_ms(moment: str) -> int:
    """Return an ISO 8601 time as epoch milliseconds; without an offset it is in UTC."""
    when = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return int((when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp() * 1000)
