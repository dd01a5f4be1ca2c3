"""The OpenAPI document: an operation for each workflow, whatever the workflows are called."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from dara_dagster.api.openapi import complete_openapi
from dara_dagster.api.routes import router
from dara_dagster.config import plan_from
from tests.cli.conftest import Project, fill


def test_workflows_of_similar_names_keep_operations_and_parameters_of_their_own(tmp_path: Path) -> None:
    project = fill(Project(tmp_path))
    for name, parameter in (("a b", "first"), ("a-b", "second")):
        task = {"file_name": "load", "format": "py", "parameters": {parameter: "1"}}
        project.write(f"config/workflows/{name}.json", {"name": name, "tasks": [task]})
    api = FastAPI()
    api.include_router(router)
    document = api.openapi()

    complete_openapi(document, plan_from(tmp_path / "config"))

    found = {}
    for path, operations in document["paths"].items():
        if path.startswith("/api/v1/workflows/a"):
            content = operations["post"]["requestBody"]["content"]["application/json"]
            schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            found[path] = list(schema["properties"]["parameters"]["properties"])
    assert found == {"/api/v1/workflows/a%20b/runs": ["first"], "/api/v1/workflows/a-b/runs": ["second"]}
    identifiers = [each["post"]["operationId"] for each in document["paths"].values() if "post" in each]
    assert len(identifiers) == len(set(identifiers))
