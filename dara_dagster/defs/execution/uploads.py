"""Brings the files that started a run to their volume before its first task or step, and writes that down."""

from __future__ import annotations

from dagster import OpExecutionContext

from dara_dagster.defs.execution.allowed_files import check_local_file
from dara_dagster.defs.execution.attempts import UPLOADED
from dara_dagster.defs.resources import RunParameters, WorkspaceSession
from dara_dagster.executor.events import Value, record, step_key

__all__ = ["send_files"]


def send_files(context: OpExecutionContext) -> None:
    """Upload the run's local files that no process of it has uploaded, nor a run that it re-executes.

    Raises FileError and the subclasses of WorkspaceError.
    """
    given: RunParameters = context.resources.parameters
    if not given.uploads:
        return
    session: WorkspaceSession = context.resources.workspace
    for local in given.uploads.values():
        check_local_file(session.plan, local)
    made = session.attempts(context.instance, context.run).uploads
    for place, size in session.uploads.ensure(given.uploads, made).items():
        data: dict[str, Value] = {"path": place, "bytes": size}
        record(context, context.run_id, step_key(context), UPLOADED, f"Uploaded {place}", data)
