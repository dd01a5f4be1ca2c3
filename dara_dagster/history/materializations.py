"""Finds in Dagster's storage what a run's tasks wrote, and which tasks were done by runs before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dagster import DagsterEventType, DagsterInstance, DagsterRun

from dara_dagster.history.progress import TaskStatus
from dara_dagster.history.status import RunReader

__all__ = ["Table", "done_earlier", "tables_written"]

# Dagster's own name for it: https://docs.dagster.io/guides/build/assets/metadata-and-tags (TableMetadataSet).
_ROW_COUNT = "dagster/row_count"


@dataclass(frozen=True)
class Table:
    """A table that a task has written; `rows` where the recorded metadata has them."""

    name: str
    rows: int | None = None


def tables_written(instance: DagsterInstance, run_id: str) -> Mapping[str, tuple[Table, ...]]:
    """Return step key -> the tables whose materialization the run recorded."""
    found: defaultdict[str, dict[str, Table]] = defaultdict(dict)
    stored = instance.get_records_for_run(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    for record in stored.records:
        entry, written = record.event_log_entry, record.asset_materialization
        if written is None or entry.dagster_event is None:
            continue
        rows = written.metadata.get(_ROW_COUNT)
        count = rows.value if rows is not None and isinstance(rows.value, int) else None
        name = ".".join(written.asset_key.path)
        found[entry.dagster_event.step_key or ""][name] = Table(name, count)
    return {key: tuple(tables.values()) for key, tables in found.items()}


def done_earlier(
    instance: DagsterInstance, run: DagsterRun, wanted: Collection[str]
) -> Mapping[str, tuple[str, TaskStatus]]:
    """Return what the runs that `run` re-executes did in the steps `wanted`, as step key -> (run id, task).

    The nearest run that succeeded with a step counts.
    """
    found: dict[str, tuple[str, TaskStatus]] = {}
    seen, parent = {run.run_id}, run.parent_run_id
    while parent and parent not in seen and found.keys() != set(wanted):
        seen.add(parent)
        above = instance.get_run_by_id(parent)
        if above is None:
            break
        for task in RunReader(instance, parent).update().tasks:
            if task.step_key in wanted and task.state == "success":
                found.setdefault(task.step_key, (parent, task))
        parent = above.parent_run_id
    return found
