"""What a route of the user's own may do with the project's runs: start, follow and cancel them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request, UploadFile

from dara_dagster.api.models import Cancelled, Launched, Run
from dara_dagster.api.proxy import caller_of
from dara_dagster.api.routes import Services, cancel, launch, status
from dara_dagster.api.run_launcher import Wanted

__all__ = ["ProjectRuns", "RunService"]


class RunService:
    """The runs of the project that the server serves, for the request at hand.

    Its methods block: call them from a route that is a plain `def`, which FastAPI runs in a thread. What
    they raise for a wrong request is answered as the REST API answers it (404, 409, 422, 503).
    """

    def __init__(self, request: Request) -> None:
        self._services: Services = request.app.state.services
        self._caller = caller_of(request.scope)

    def start(
        self,
        workflow: str,
        parameters: Mapping[str, str | bool | int | float] | None = None,
        *,
        file: UploadFile | None = None,
        idempotency_key: str | None = None,
        sequential: bool = False,
    ) -> Launched:
        """Start a run as `POST /api/v1/workflows/{workflow}/runs` does; `file` is for step pipelines."""
        uploads = self._services.uploads
        self._services.project.workflow(workflow)  # before a large file is copied
        received = uploads.receive(file.file, file.filename or "") if file is not None else None
        wanted = Wanted(
            workflow=workflow,
            parameters=parameters or {},
            sequential=sequential,
            key=idempotency_key,
            file=received,
            user=self._caller.name if self._caller is not None else None,
            access_token=self._caller.access_token if self._caller is not None else None,
        )
        return launch(self._services, wanted)

    def status(self, run_id: str) -> Run:
        """Return the run as `GET /api/v1/workflow/status/{run_id}` answers it."""
        return status(run_id, self._services)

    def cancel(self, run_id: str) -> Cancelled:
        """End the run as `POST /api/v1/runs/{run_id}/cancel` does."""
        return cancel(run_id, self._services)


ProjectRuns = Annotated[RunService, Depends(RunService)]
"""Annotate a parameter of a route with this to get the `RunService` of its request."""
