"""Routes: what a service lists, and how the handler of a request is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.routing import Match, Route
from starlette.types import Scope

from dara_dagster.emulator.core.errors import ApiError, invalid

S = TypeVar("S")
Json = Any


@dataclass
class Call:
    """One request, parsed: `path` holds the values of `{names}` in the route, `body` the JSON object sent.

    A body that is not JSON (an upload, a form) is left unread in `request`; it can be streamed.
    """

    request: Request
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Json] = field(default_factory=dict)

    def read_number(self, name: str, default: int | None = None) -> int:
        """Return an id or count from path, body or query; ApiError 400 when it is no number, or missing."""
        value = self.path.get(name) or self.body.get(name, self.query.get(name) or default)
        if value is None:
            raise invalid(f"Missing required field: {name}")
        if not re.fullmatch("-?[0-9]{1,19}", str(value)):
            raise invalid(f"{name} must be a whole number, not {str(value)[:100]!r}.")
        return int(value)

    def read_flag(self, name: str) -> bool:
        """Return a true or false of the query."""
        return self.query.get(name, "").lower() == "true"


Handler = Callable[[Call], Json]
"""Sync or async; returns a JSON object (answered with 200) or a Starlette Response."""

Routes = tuple[tuple[str, str, Handler], ...]
"""Method, path with {name} or {name:path}, handler."""


def bind(service: S, table: Iterable[tuple[str, str, Callable[[S, Call], Json]]]) -> Routes:
    """Return the routes of one workspace's service: the handlers of `table` get it as their first
    argument."""
    return tuple((method, path, partial(handler, service)) for method, path, handler in table)


class _PathConvertor(Convertor[str]):
    """A path of one character or more; Starlette's own takes an empty one, and none with a line break."""

    regex = r"(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("path", _PathConvertor())


# As many segments of a path choose the routes that are tried: "/api/2.0/secrets".
_SEGMENTS = 4


def _beginning(path: str) -> str:
    return "/".join(path.split("/", _SEGMENTS)[:_SEGMENTS])


class Router:
    """Finds the route of a request: the first in the order given, of those that begin as its path does."""

    def __init__(self, routes: Routes) -> None:
        made = [(path, Route(path, handler, methods=[method])) for method, path, handler in routes]
        self._anywhere = [route for path, route in made if "{" in _beginning(path)]
        beginnings = {_beginning(path) for path, _ in made}
        self._by_beginning = {
            each: [route for path, route in made if _beginning(path) == each or "{" in _beginning(path)]
            for each in beginnings
        }

    def find(self, scope: Scope) -> tuple[Route, Mapping[str, str]]:
        """Return the route, whose endpoint is a Handler, and the values in the path; ApiError 404 without
        one."""
        for route in self._by_beginning.get(_beginning(scope["path"]), self._anywhere):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return route, found["path_params"]
        text = f"No API found for '{scope['method']} {scope['path']}'"
        raise ApiError(404, "ENDPOINT_NOT_FOUND", text)
