"""The route of a request is the first that matches, wherever its first variable stands."""

from __future__ import annotations

import itertools

import pytest

from dara_dagster.emulator.core.errors import ApiError
from dara_dagster.emulator.server.routing import Router

ROUTES = [
    "/health",
    "/api/2.0/files/list",
    "/api/2.0/files/{name}",
    "/api/2.0/{anything}/list",
    "/api/2.0/files/{name}/list",
    "/api/{version}/files/list",
    "/pages/{page:path}",
]
PATHS = ["/health", "/api/2.0/files/list", "/api/2.0/files/a", "/api/2.0/jobs/list", "/api/2.0/files/a/list"]


@pytest.mark.parametrize(
    "path", [*PATHS, "/api/3.0/files/list", "/pages/", "/pages/a/b/c", "/", "", "/api/2.0"]
)
def test_the_first_route_that_matches_is_found_in_any_order(path: str) -> None:
    """As one after another, which a router with a single route does."""
    for order in itertools.islice(itertools.permutations(ROUTES), 0, None, 97):
        one_by_one = (found for each in order if (found := _find([each], path)))
        assert _find(list(order), path) == next(one_by_one, None), order


def _find(routes: list[str], path: str) -> str | None:
    router = Router(tuple(("GET", route, lambda call: None) for route in routes))
    try:
        return router.find({"type": "http", "method": "GET", "path": path, "headers": []})[0].path
    except ApiError as error:
        assert error.status == 404
        return None
