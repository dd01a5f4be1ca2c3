"""Ends the Databricks run of a step that is asked to stop, within the time the executor gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from dara_dagster.defs.resources import WorkspaceSession
from dara_dagster.errors import DaraError
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.cancel import cancel_and_wait
from dara_dagster.workspace.runs.outcome import Outcome

__all__ = ["find_run", "stop_others", "stop_run"]


def find_run(session: WorkspaceSession, request: Mapping[str, object]) -> int:
    """Return the run of a submission that was never answered: its token sent again tells.

    If the first one has not arrived yet this makes the run, which the first one then finds. Raises
    `DaraError` when the service does not say.
    """
    workspace, monitor = session.workspace, session.monitor
    patience = workspace.settings.cancel_find_seconds
    return monitor.call(lambda: jobs_api.submit(workspace, request), urgent=True, patience=patience)


def stop_run(
    session: WorkspaceSession, run_id: int, accepts: Callable[[Outcome], bool]
) -> tuple[Literal["alive", "succeeded", "stopped"], str]:
    """Cancel the run and see it stop; `succeeded` when it had ended well before it could be stopped.

    Beside it stands what is known of why it is alive, such as the answer to the cancel.
    """
    workspace, monitor = session.workspace, session.monitor
    for alive in cancel_and_wait(workspace, [run_id]):
        return "alive", alive.message
    try:
        snapshot = monitor.call(
            lambda: jobs_api.get_snapshot(workspace, run_id),
            urgent=True,
            patience=workspace.settings.cancel_try_seconds,
        )
    except DaraError:
        return "stopped", ""
    return ("succeeded" if snapshot.outcome is not None and accepts(snapshot.outcome) else "stopped"), ""


def stop_others(session: WorkspaceSession, run_ids: Sequence[int]) -> list[str]:
    """Cancel the runs of other steps, whose ops see them end; return a line for each that is still alive."""
    workspace = session.workspace
    alive = cancel_and_wait(workspace, run_ids, workspace.settings.cancel_others_seconds) if run_ids else []
    return [f"Databricks run {run.run_id} could not be stopped: {run.url}" for run in alive]
