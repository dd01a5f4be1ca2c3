"""Records who launched a run in Dagster's UI, where a proxy in front of the server says so."""

from __future__ import annotations

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from dara_dagster.executor.user import USER_HEADER, USER_TAG

__all__ = ["AttributingRunCoordinator"]


class AttributingRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue; a run that comes with a request gets the tag `dara/user`.

    The way that Dagster's documentation gives:
    https://docs.dagster.io/deployment/execution/run-coordinators#custom-run-coordinators
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        header = context.get_request_header(USER_HEADER)
        if header:  # bytes of UTF-8, which Starlette reads as Latin-1
            user = header.encode("latin-1").decode()
            self._instance.add_run_tags(context.dagster_run.run_id, {USER_TAG: user})
        return super().submit_run(context)
