"""The REST API over the project's Dagster instance; routes only, what they do is beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.routing import Match

from dara_dagster.api.auth import access_of
from dara_dagster.api.docs_page import API_PAGE_HEADERS, api_page
from dara_dagster.api.errors import answer_errors, sentence
from dara_dagster.api.health import check_health
from dara_dagster.api.models import (
    ApiError,
    Cancelled,
    Health,
    Launched,
    Live,
    Run,
    RunHead,
    Runs,
    Task,
    Workflow,
    Workflows,
    links_of,
)
from dara_dagster.api.openapi import RUN_BODY, complete_openapi
from dara_dagster.api.problem import PROBLEM
from dara_dagster.api.project import Project
from dara_dagster.api.proxy import caller_of
from dara_dagster.api.requests import read_request
from dara_dagster.api.run_launcher import Launcher, Wanted
from dara_dagster.api.uploads import Uploads
from dara_dagster.api.user_routers import RouterError, UserRoutes, load_routers, located
from dara_dagster.config.plan import Plan
from dara_dagster.config.run_parameters import declared_parameters
from dara_dagster.errors import RunError
from dara_dagster.history.cancel import end_abandoned, request_end
from dara_dagster.history.progress import run_state
from dara_dagster.history.status import RunReader, RunStatus, find_run, latest_runs

__all__ = ["Services", "build_api", "cancel", "checked_routers", "launch", "status", "user_routes"]

_ABOUT = """Start the workflows of this project, follow their runs task by task, cancel them.
Every error is a problem of RFC 9457 (application/problem+json): a sentence as "detail", and in "errors"
every key, field or header that is wrong."""


@dataclass(frozen=True)
class Services:
    """What the routes use."""

    project: Project
    launcher: Launcher
    uploads: Uploads


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


_Services = Annotated[Services, Depends(_services)]
_RunId = Annotated[str, Path(description="The run's id; its first characters are enough.", max_length=64)]
_ERRORS = {
    400: "The body cannot be read",
    401: "No token, or a wrong one",
    403: "Another web site's page, a foreign host name, or a workflow that runs as its caller without one",
    404: "There is no such thing",
    409: "Not possible as things stand",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "The body is of another type",
    422: "A parameter is wrong; errors names each",
    429: "Too many requests; Retry-After tells when to continue",
    503: "The project's code is not loaded, or Databricks' credentials are not set",
    507: "The file cannot be kept: the disk is full, or not writable",
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}}
}
_ALWAYS = (401, 403, 429)  # what stands before the routes may answer so


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems a route answers with; 429 and 503 carry Retry-After."""
    return {status: _problem(status) for status in sorted({*_ALWAYS, *statuses})}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    answer: dict[str, Any] = {"description": _ERRORS[status], "content": {PROBLEM: {"schema": schema}}}
    return {**answer, "headers": _RETRY_AFTER} if status in (429, 503) else answer


router = APIRouter(prefix="/api/v1")
health_router = APIRouter(tags=["health"])


@router.get(
    "/workflows",
    operation_id="list_workflows",
    tags=["workflows"],
    responses=_errors(503),
    summary="The workflows of the project",
    response_description="What there is to run",
)
def workflows(services: _Services) -> Workflows:
    plan = services.project.plan
    found = [
        Workflow(
            name=workflow.name,
            description=workflow.options.description,
            tasks=[task.name for task in workflow.tasks] or [step.name for step in workflow.steps],
            takes_file=bool(workflow.steps),
            parameters=dict(declared_parameters(plan, workflow)),
            schedule=workflow.options.schedule,
            timezone=workflow.timezone,
            max_concurrent_runs=workflow.options.max_concurrent_runs,
        )
        for workflow in plan.workflows
    ]
    return Workflows(project=plan.name, workspace=plan.workspace, workflows=found)


@router.post(
    "/workflows/{name}/runs",
    operation_id="start_run",
    tags=["runs"],
    status_code=202,
    response_model=Launched,
    responses=_errors(400, 403, 404, 408, 409, 413, 415, 422, 503, 507),
    openapi_extra={"requestBody": RUN_BODY},
    summary="Start a run of a workflow",
    response_description="The run is queued, or was by an earlier request",
    description="With parameters as JSON, or as a form: each field is a parameter, and for a step pipeline "
    "the field file is the file it starts with. "
    "The same Idempotency-Key gives the same run, whenever and however often it is sent.",
)
async def start_run(
    name: str,
    request: Request,
    services: _Services,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="1 to 255 printable ASCII characters",
            json_schema_extra={"pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
        ),
    ] = None,
) -> JSONResponse:
    await run_in_threadpool(services.project.workflow, name)  # before a large body is taken in
    body, file, wrong = await read_request(request, services.uploads)
    caller = caller_of(request.scope)
    access = access_of(request.scope)
    named = access.name if access is not None else None
    who = (caller.name, caller.access_token) if caller is not None else (named, None)
    wanted = Wanted(name, body.parameters, body.sequential, idempotency_key, file, tuple(wrong), *who)
    answer = await run_in_threadpool(launch, services, wanted)
    return JSONResponse(answer.model_dump(mode="json"), 202, {"Location": answer.links.status})


def launch(services: Services, wanted: Wanted) -> Launched:
    """Start the run that is wanted, or find the one its key has started; its file is taken in any case."""
    try:
        run, replayed = services.launcher.launch(wanted)
        services.uploads.sweep(services.project.instance)
    finally:
        if wanted.file is not None:
            wanted.file.discard()
    return Launched(
        run_id=run.run_id,
        workflow=wanted.workflow,
        state=run_state(run.status.value),
        replayed=replayed,
        links=links_of(run.run_id),
    )


@router.get(
    "/runs/{run_id}",
    operation_id="get_run",
    tags=["runs"],
    responses=_errors(404, 422),
    summary="A run, task by task",
    response_description="How it stands now",
)
@router.get(
    "/workflow/status/{run_id}",
    operation_id="get_workflow_status",
    tags=["runs"],
    responses=_errors(404, 422),
    summary="A run, task by task: the same as /api/v1/runs/{run_id}",
    response_description="How it stands now",
)
def status(run_id: _RunId, services: _Services) -> Run:
    return _run(_read(services, run_id))


@router.get(
    "/runs",
    operation_id="list_runs",
    tags=["runs"],
    responses=_errors(404, 422),
    summary="The latest runs",
    response_description="A page of them",
)
def runs(
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 20,
    before: Annotated[str | None, Query(description="The `next` of the page before.", max_length=64)] = None,
    workflow: Annotated[str | None, Query(description="Only runs of this workflow.")] = None,
) -> Runs:
    instance = services.project.instance
    if workflow is not None:
        services.project.workflow(workflow)
    if before is not None and instance.get_run_by_id(before) is None:
        raise ApiError(404, f"There is no run {before!r} to continue from.", "before")
    found = latest_runs(instance, limit + 1, before=before, workflow=workflow)
    following = found[limit - 1].run_id if len(found) > limit else None
    return Runs(runs=[RunHead.model_validate(run) for run in found[:limit]], next=following)


@router.post(
    "/runs/{run_id}/cancel",
    operation_id="cancel_run",
    tags=["runs"],
    status_code=202,
    responses=_errors(404, 409, 422, 503),
    summary="End a run, and every Databricks run it has in flight",
    response_description="It is being ended",
)
def cancel(run_id: _RunId, services: _Services) -> Cancelled:
    instance, project = services.project.instance, services.project
    before = _read(services, run_id)
    if before.over:
        raise ApiError(409, f"Run {before.run_id} has already ended: {before.state}.")
    try:
        if before.abandoned:
            end_abandoned(instance, before, lambda: project.plan)
        elif before.state != "cancelling":
            request_end(instance, before)
    except RunError as error:
        raise ApiError(409, sentence(error)) from None
    after = _read(services, before.run_id)
    return Cancelled(run_id=after.run_id, state=after.state, links=links_of(after.run_id))


_NOT_READY = {
    "model": Health,
    "description": "Runs cannot be started, or wait in the queue",
    "headers": _RETRY_AFTER,
}


def _add_health(at: str, operation: str) -> None:
    """Add the routes that show the server's health at the prefix `at`; none needs a token."""
    common: dict[str, Any] = {"openapi_extra": {"security": []}}
    health_router.get(
        f"{at}/live",
        operation_id=f"{operation}_live",
        summary="Whether the server answers; needs no token",
        response_description="It does",
        responses={429: _problem(429)},
        **common,
    )(live)
    health_router.get(
        f"{at}/ready",
        operation_id=f"{operation}_ready",
        response_model=Health,
        responses={503: _NOT_READY, 429: _problem(429)},
        summary="Whether runs can be started; needs no token",
        response_description="They can",
        **common,
    )(ready)


def live() -> Live:
    return Live()


def ready(services: _Services) -> JSONResponse:
    found = check_health(services.project)
    if found.status == "ok":
        return JSONResponse(found.model_dump())
    return JSONResponse(found.model_dump(), 503, {"Retry-After": "5"})


_add_health("/health", "health")
_add_health("/api/v1/health", "api_health")
health_router.get(
    "/api/v1/health",
    operation_id="api_health",
    response_model=Health,
    responses={503: _NOT_READY, 429: _problem(429)},
    summary="The same as /api/v1/health/ready",
    response_description="Runs can be started",
    openapi_extra={"security": []},
)(ready)


def _read(services: Services, run_id: str) -> RunStatus:
    try:
        instance = services.project.instance
        return RunReader(instance, find_run(instance, run_id)).update()
    except RunError as error:
        raise ApiError(404, sentence(error), "run_id") from None


def _run(status: RunStatus) -> Run:
    head = RunHead.model_validate(status).model_dump()
    tasks = [Task.model_validate(task) for task in status.tasks]
    return Run(
        **head, error=status.error, result=dict(status.result), tasks=tasks, links=links_of(status.run_id)
    )


def build_api(services: Services, routers: Sequence[APIRouter] = ()) -> FastAPI:
    """Return the application: the routes, OpenAPI at /api/openapi.json, its page at /api/docs, errors as
    JSON.

    `routers` are the user's own.
    """
    api = FastAPI(
        title=f"{services.project.plan.name}: runs on Databricks",
        version="1",
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    api.state.services = services
    api.include_router(router)
    api.include_router(health_router)
    for own in routers:
        api.include_router(own, responses={422: _problem(422)})
    api.get("/api/docs", include_in_schema=False)(_page)
    api.api_route(
        "/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
    )(_nothing_here)
    answer_errors(api)
    openapi = api.openapi
    described: Plan | None = None

    def complete() -> dict[str, Any]:
        nonlocal described
        plan = services.project.plan
        if plan is not described:  # the code was loaded anew, maybe with other workflows
            api.openapi_schema = None
            complete_openapi(openapi(), plan)
            described = plan
        return openapi()

    api.openapi = complete  # type: ignore[method-assign]
    return api


def user_routes(routers: Sequence[object]) -> UserRoutes:
    """Return the user's own routes. Raises RouterError for what is no router or takes a path of ours."""
    return UserRoutes(routers, [*router.routes, *health_router.routes])


def checked_routers(config_dir: FilePath) -> tuple[object, ...]:
    """Return the routers that project.json names. Raises ConfigError, with its line, for one that is not
    served."""
    found = load_routers(config_dir)
    try:
        user_routes(found)
    except RouterError as error:
        raise located(config_dir, error) from None
    return tuple(found)


def _page(request: Request) -> HTMLResponse:
    return HTMLResponse(api_page(request.app.openapi()), headers=API_PAGE_HEADERS)


def _nothing_here(request: Request, path: str) -> None:
    if any(route.matches(request.scope)[0] is Match.PARTIAL for route in request.app.routes):
        raise ApiError(
            405, f"/api/{path[:200]} does not take {request.method}. /api/docs tells what it takes."
        )
    raise ApiError(404, f"There is nothing at /api/{path[:200]}. /api/docs tells what there is.")
