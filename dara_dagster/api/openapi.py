"""Completes the OpenAPI document with what FastAPI cannot see: bodies and errors that are made elsewhere.

Which parameters a run takes depends on the workflow in its path, which one templated operation cannot say. So
each workflow has an operation of its own beside it. A concrete path goes before a templated one:
https://spec.openapis.org/oas/v3.1.0#paths-object
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from dara_dagster.api.models import Problem, RunRequest
from dara_dagster.api.requests import FORM_KEYS
from dara_dagster.api.run_launcher import FILE_PARAMETERS
from dara_dagster.config.plan import Plan, WorkflowPlan
from dara_dagster.config.run_parameters import declared_parameters, takes_any_parameter
from dara_dagster.defs.execution.allowed_files import file_parameters
from dara_dagster.defs.unique_names import Names

__all__ = ["RUN_BODY", "complete_openapi"]

_TEMPLATE = "/api/v1/workflows/{name}/runs"
_FILE = {"type": "string", "format": "binary", "description": "The file the pipeline starts with."}
_SEQUENTIAL = {
    "type": "string",
    "enum": ["true", "false"],
    "description": "One task after another, in a stable order.",
}
_TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
_TAKEN = (*FORM_KEYS, *FILE_PARAMETERS)  # what any form has, and any file that comes with a request sets

RUN_BODY: dict[str, Any] = {
    "required": False,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/RunRequest"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "additionalProperties": {"type": "string", "description": "A parameter of that name."},
                "properties": {
                    "file": _FILE,
                    "parameters": {
                        "type": "string",
                        "description": "JSON object of names and values, as text.",
                    },
                    "sequential": _SEQUENTIAL,
                },
            }
        },
    },
}


def complete_openapi(document: dict[str, Any], plan: Plan) -> None:
    """Add the bodies, errors, ways to sign in and the operation of each workflow to the document."""
    schemas = document["components"]["schemas"]
    schemas["RunRequest"] = RunRequest.model_json_schema()
    errors = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= errors.pop("$defs")
    schemas["Problem"] = errors
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of the server, or a named one.",
        },
        "password": {"type": "http", "scheme": "basic", "description": "Any user; the token as password."},
    }
    document["security"] = [{"token": []}, {"password": []}]
    document["tags"] = [
        {"name": "workflows", "description": "What can be run."},
        {"name": "runs", "description": "Start runs, follow them, end them."},
        {"name": "health", "description": "For load balancers and monitoring."},
    ]
    _add_workflows(document, plan)


def _add_workflows(document: dict[str, Any], plan: Plan) -> None:
    """Add an operation for each workflow: the templated one, with the parameters that this workflow takes."""
    schemas, start = document["components"]["schemas"], document["paths"][_TEMPLATE]["post"]
    names = Names()
    for workflow in plan.workflows:
        name = names.take(workflow.name)
        request, form = _schemas(plan, workflow, copy.deepcopy(schemas["RunRequest"]))
        schemas |= {f"RunRequest_{name}": request, f"RunForm_{name}": form}
        operation = copy.deepcopy(start)
        operation["operationId"] = f"start_{name}_run"
        operation["summary"] = f"Start a run of {workflow.name}"
        operation["parameters"] = [each for each in operation["parameters"] if each["in"] != "path"]
        content = operation["requestBody"]["content"]
        content["application/json"]["schema"] = {"$ref": f"#/components/schemas/RunRequest_{name}"}
        content["multipart/form-data"]["schema"] = {"$ref": f"#/components/schemas/RunForm_{name}"}
        path = _TEMPLATE.replace("{name}", quote(workflow.name, safe=""))
        document["paths"][path] = {"post": operation}
    name_schema = next(each for each in start["parameters"] if each["in"] == "path")
    name_schema["description"] = "A workflow. Each of this project has an operation of its own as well."
    name_schema["schema"]["not"] = {"enum": [workflow.name for workflow in plan.workflows]}


def _schemas(
    plan: Plan, workflow: WorkflowPlan, request: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schemas of the JSON body, made of that of any `request`, and of the form for a run."""
    reads = file_parameters(workflow)
    defaults = {
        name: value for name, value in declared_parameters(plan, workflow).items() if name not in reads
    }
    is_open, taken = takes_any_parameter(workflow), {*reads, *_TAKEN}
    del request["example"]
    request["title"] = f"RunRequest_{workflow.name}"
    value = request["properties"]["parameters"]["additionalProperties"]
    value["anyOf"] = [_TEXT if each == {"type": "string"} else each for each in value["anyOf"]]
    request["properties"]["parameters"] = {
        "type": "object",
        "description": "Parameter -> value; overrides the default.",
        **_named(defaults, value, is_open, taken),
    }
    form = _named(defaults, _TEXT, is_open, taken)
    own = {"sequential": _SEQUENTIAL, **({"file": _FILE} if workflow.steps else {})}
    form["properties"] = {**{name: form["properties"][name] for name in defaults if name not in own}, **own}
    return request, {"type": "object", "description": f"A form that starts {workflow.name}.", **form}


def _named(
    defaults: Mapping[str, str], value: Mapping[str, Any], is_open: bool, taken: Iterable[str]
) -> dict[str, Any]:
    """Return the properties of those names; any other name too where the workflow takes any parameter."""
    properties = {name: {**value, "default": default} for name, default in defaults.items()}
    if not is_open:
        return {"properties": properties, "additionalProperties": False}
    names = {"pattern": "^[A-Za-z0-9_]+$", "not": {"enum": sorted({*taken} - {*defaults})}}
    return {"properties": properties, "additionalProperties": dict(value), "propertyNames": names}
