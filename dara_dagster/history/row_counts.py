"""Counts the rows that the tasks of finished runs wrote, from the histories of their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dara_dagster.config.plan import Plan
from dara_dagster.errors import DaraError
from dara_dagster.history.materializations import Table
from dara_dagster.history.report import RunReport, TaskReport
from dara_dagster.workspace.client import Workspace, open_workspace
from dara_dagster.workspace.resources.table_history import Commit, find_warehouse, read_history

__all__ = ["count_rows", "rows_of"]

History = tuple[Commit, ...]


def count_rows(plan: Plan, *sides: Sequence[RunReport]) -> tuple[tuple[list[RunReport], ...], str]:
    """Return the sides with the rows of their tables filled in, and why they are not known, "" where they
    are.

    One statement for each table, on a warehouse of the project that runs; no compute is started for it,
    except on the local workspace.
    """
    runs = [run for side in sides for run in side]
    tables = sorted({table.name for run in runs for task in run.tasks for table in task.tables})
    unchanged = tuple(list(side) for side in sides)
    if not tables:
        return unchanged, ""
    if any(run.workspace != plan.workspace for run in runs):
        return unchanged, f"a run was not on the workspace of these files, {plan.workspace}"
    if not plan.warehouses:
        return unchanged, "the project has no warehouse to ask"
    try:
        workspace = open_workspace(plan.workspace, root=plan.root, settings=plan.poll)
        warehouse = find_warehouse(workspace, tuple(plan.warehouses))
        if warehouse is None:
            return unchanged, "no warehouse of the project is running"
        histories, why = _read(workspace, warehouse, tables)
    except DaraError as error:
        return unchanged, str(error)
    return tuple([_counted(run, histories) for run in side] for side in sides), why


def _read(workspace: Workspace, warehouse: str, tables: Iterable[str]) -> tuple[Mapping[str, History], str]:
    found, why = {}, ""
    for table in tables:
        try:
            found[table] = read_history(workspace, warehouse, table)
        except DaraError as error:  # a view, a table that was dropped since
            why = str(error)
    return found, why


def _counted(run: RunReport, histories: Mapping[str, History]) -> RunReport:
    return replace(run, tasks=tuple(_counted_task(task, histories) for task in run.tasks))


def _counted_task(task: TaskReport, histories: Mapping[str, History]) -> TaskReport:
    tables = (_counted_table(task, table, histories.get(table.name, ())) for table in task.tables)
    return replace(task, tables=tuple(tables))


def _counted_table(task: TaskReport, table: Table, history: History) -> Table:
    if table.rows is not None or task.databricks_start is None or task.databricks_end is None:
        return table
    return replace(table, rows=rows_of(history, task.databricks_start, task.databricks_end))


def rows_of(history: History, start: float, end: float) -> int | None:
    """Return the rows committed from `start` to `end`, in seconds since the epoch; None where that is not
    known.

    It is not when the history (the newest first) does not reach back so far, or a commit does not tell.
    """
    complete = bool(history) and (history[-1].version == 0 or history[-1].time < start)
    counts = [commit.rows for commit in history if start <= commit.time <= end]
    known = [count for count in counts if count is not None]
    return sum(known) if complete and len(known) == len(counts) else None
