"""Shows the OpenAPI document as one page of plain HTML: nothing is loaded from elsewhere, no script runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from dara_dagster.history.pages.html import POLICY, Child, document, element

__all__ = ["API_PAGE_HEADERS", "api_page"]

API_PAGE_HEADERS = {"Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'", "X-Frame-Options": "DENY"}

_Json = Mapping[str, Any]


def api_page(openapi: _Json) -> str:
    """Return the page of an OpenAPI document: each route with what it takes and answers, then the JSON
    objects."""
    info = openapi["info"]
    routes = [
        part
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
        for part in _route(method, path, operation)
    ]
    shapes = [
        part
        for name, schema in sorted(openapi["components"]["schemas"].items())
        for part in _shape(name, schema)
    ]
    for_programs = element("a", "openapi.json", href="/api/openapi.json")
    return document(
        info["title"],
        element("h1", info["title"]),
        element("p", info["description"]),
        element("p", "For programs: ", for_programs, ". ", element("a", "Dagster's UI", href="/"), "."),
        *routes,
        element("h2", "JSON objects"),
        *shapes,
    )


def _route(method: str, path: str, operation: _Json) -> Iterator[Child]:
    yield element("h2", f"{method.upper()} ", element("code", path))
    yield element("p", f"{operation.get('summary', '')}. {operation.get('description', '')}")
    yield element("pre", _curl(method, path, operation))
    takes = [*_parameters(operation), *_bodies(operation)]
    if takes:
        yield _table("Takes", takes)
    answers: list[list[Child]] = [
        [status, _type(_schema(answer)), answer.get("description", "")]
        for status, answer in sorted(operation["responses"].items())
    ]
    yield _table("Answers", answers)


def _curl(method: str, path: str, operation: _Json) -> str:
    """Return a command to try the route with; `$URL` is the server."""
    place = path.replace("{run_id}", "RUN_ID").replace("{name}", "WORKFLOW")
    options = "" if method == "get" else f"-X {method.upper()} "
    if "requestBody" in operation:
        options += "-H 'Content-Type: application/json' -d '{\"parameters\": {}}' "
    return f"curl {options}$URL{place}"


def _parameters(operation: _Json) -> Iterator[list[Child]]:
    for parameter in operation.get("parameters", ()):
        where = f"{parameter['in']}, {'required' if parameter.get('required') else 'optional'}"
        yield [element("code", parameter["name"]), where, parameter.get("description", "")]


def _bodies(operation: _Json) -> Iterator[list[Child]]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        fields = [
            element("li", element("code", name), f": {field.get('description', '')}")
            for name, field in schema.get("properties", {}).items()
        ]
        yield ["body", element("code", kind), element("ul", *fields) if fields else _type(schema)]


def _schema(answer: _Json) -> _Json:
    content: _Json = answer.get("content", {})
    schema: _Json = next((each.get("schema", {}) for each in content.values()), {})
    return schema


def _shape(name: str, schema: _Json) -> Iterator[Child]:
    required = schema.get("required", ())
    rows: list[list[Child]] = [
        [
            element("span", element("code", key), "" if key in required else " (optional)"),
            _type(field),
            field.get("description", ""),
        ]
        for key, field in schema.get("properties", {}).items()
    ]
    yield element("h2", element("code", name), id=name)
    yield element("p", schema.get("description", ""))
    if rows:
        yield _table("Key", rows)


def _type(schema: _Json) -> Element:
    """Return the type in a few words, with links to the objects."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return element("a", name, href=f"#{name}")
    if "anyOf" in schema:
        first, *others = [_type(choice) for choice in schema["anyOf"]]
        return element("span", first, *(part for other in others for part in (" or ", other)))
    if "enum" in schema:
        return element("span", " | ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return element("span", "list of ", _type(schema["items"]))
    if isinstance(schema.get("additionalProperties"), Mapping):
        return element("span", "name → ", _type(schema["additionalProperties"]))
    if schema.get("properties"):
        return element("span", "object: ", ", ".join(schema["properties"]))
    return element("span", str(schema.get("format", schema.get("type", ""))))


def _table(title: str, rows: Iterable[list[Child]]) -> Element:
    head = element("tr", element("th", title), element("th", ""), element("th", ""))
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    return element("table", element("thead", head), element("tbody", *lines))
