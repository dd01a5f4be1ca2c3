"""Takes in routers of the user's own: loads those that project.json names, and refuses what would clash."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from dara_dagster.config import load
from dara_dagster.defs.objects import find_modules_in, load_object
from dara_dagster.errors import ConfigError, DaraError

__all__ = ["RouterError", "UserRoutes", "load_routers", "located"]

# One address of each kind that Dagster's UI answers (build_routes of its DagsterWebserver, and the pages of
# its navigation) and that the REST API keeps for itself.
_TAKEN = (
    "/",
    "/graphql",
    "/server_info",
    "/dagit_info",
    "/logs/x",
    "/notebook",
    "/download_debug/x",
    "/report_asset_materialization/x",
    "/_next/static/x",
    "/favicon.ico",
    "/runs",
    "/runs/x",
    "/jobs",
    "/assets",
    "/assets/x",
    "/locations",
    "/locations/x/jobs/x",
    "/overview/x",
    "/automation",
    "/deployment/x",
    "/settings",
    "/health/live",
    "/health/ready",
    "/api/docs",
    "/api/openapi.json",
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PAGES = {path.split("/")[1] for path in _TAKEN} - {"api"}
_NO_LIFESPAN = type(APIRouter().lifespan_context)
_PARAMETER = re.compile(r"\{[^}]*\}")


class RouterError(DaraError):
    """A router that cannot be served: `index` is its place in the list, then what is wrong and what to do."""

    def __init__(self, index: int, message: str, hint: str) -> None:
        super().__init__(f"routers[{index}]: {message}. {hint}")
        self.index, self.message, self.hint = index, message, hint


class UserRoutes:
    """The routes of the user's own routers; they may be anywhere but where something of ours is."""

    def __init__(self, routers: Sequence[object], ours: Sequence[BaseRoute]) -> None:
        """Raise RouterError for what is no router, or takes a path of ours or of another router."""
        self.routers: list[APIRouter] = []
        self._routes: list[BaseRoute] = []
        taken: dict[tuple[str, str], int] = {}
        for index, router in enumerate(routers):
            app = _alone(index, router)
            _check_free(index, app.router.routes, ours)
            for method, path in _operations(app):
                other = taken.setdefault((method, _PARAMETER.sub("{}", path)), index)
                if other != index:
                    message = f"{method} {path} is in routers[{other}] too"
                    raise RouterError(index, message, "Remove one of the two.")
                if _is_taken(path) or any(_takes(route, method, _sample(path)) for route in ours):
                    raise _clash(index, f"{method} {path}")
            self.routers.append(cast(APIRouter, router))
            self._routes += app.router.routes

    def takes(self, scope: Scope) -> bool:
        """Return whether a request is for one of these routes, be it with another method."""
        return any(route.matches(scope)[0] is not Match.NONE for route in self._routes)


def load_routers(config_dir: Path) -> list[object]:
    """Return what the `routers` of project.json stand for. Raises ConfigError, with its line, for one that
    fails."""
    spec = load(config_dir)
    find_modules_in(spec.root)
    found: list[object] = []
    for index, named in enumerate(spec.project.routers):
        try:
            found.append(load_object(named))
        except (Exception, SystemExit) as error:
            raise located(config_dir, _unloadable(index, named, error, spec.root)) from None
    return found


def located(config_dir: Path, error: RouterError) -> ConfigError:
    """Return the same error with the file and line that name the router."""
    document = load(config_dir).project_document
    return ConfigError([document.problem(("routers", error.index), error.message, error.hint)])


def _unloadable(index: int, named: str, error: BaseException, root: Path) -> RouterError:
    """Return the error in one line; one inside the module names its place there."""
    if isinstance(error, DaraError):
        return RouterError(index, str(error).rstrip("."), "Write the router as module:name.")
    frames = [each for each in traceback.extract_tb(error.__traceback__) if str(root) in each.filename]
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return RouterError(
        index, f"{named} cannot be loaded: {reason[:300].rstrip('.')}{place}", "Mend the module."
    )


def _alone(index: int, router: object) -> FastAPI:
    """Return an application of that router alone."""
    if not isinstance(router, APIRouter):
        message = f"it is no APIRouter, but of the type {type(router).__name__}"
        raise RouterError(index, message, "Write router = fastapi.APIRouter() and name that.")
    if router.on_startup or router.on_shutdown or type(router.lifespan_context) is not _NO_LIFESPAN:
        message = "it has a lifespan, which is not run here"
        raise RouterError(index, message, "Remove it, and make what it made on first use.")
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    return app


def _is_taken(path: str) -> bool:
    """Return whether a page of Dagster's UI begins alike, or might: the first part is a parameter."""
    first = path.split("/")[1]
    return "{" in first or first in _PAGES


def _check_free(index: int, routes: Sequence[BaseRoute], ours: Sequence[BaseRoute]) -> None:
    own = [path for route in ours if (path := getattr(route, "path", ""))]
    for path in (*_TAKEN, *map(_sample, own)):
        for method in _METHODS:
            if any(_takes(route, method, path) for route in routes):
                raise _clash(index, path)


def _clash(index: int, path: str) -> RouterError:
    message = f"it takes {path}, which the REST API or Dagster's UI answers"
    return RouterError(index, message, 'Give it a prefix of its own, such as APIRouter(prefix="/mine").')


def _operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path of each documented route."""
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


def _takes(route: BaseRoute, method: str, path: str) -> bool:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "headers": [],
        "query_string": b"",
    }
    return route.matches(scope)[0] is Match.FULL


def _sample(path: str) -> str:
    return _PARAMETER.sub("x", path)
