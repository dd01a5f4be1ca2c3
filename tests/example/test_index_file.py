"""The example `index_file`: a file is uploaded, cut into chunks by a job, and found by Vector Search."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
from pathlib import Path
from typing import Any

from dagster import JobExecutionResult
from databricks.sdk.service.catalog import VolumeType

from dara_dagster.history.status import read_status
from tests.defs.conftest import Project, instance, project

__all__ = ["instance", "project"]

ROOT = Path(__file__).parents[2]
INDEX = "main.silver.chunks_index"
FLIGHTS = "Planes leave the airport in the morning. " * 10
BREAD = "Flour, water and salt make a good bread. " * 5


def embed(text: str) -> list[float]:
    """As the notebook does it."""
    counts = [0.0] * 256
    for word in re.findall(r"\w+", text.lower()):
        counts[int(hashlib.sha256(word.encode()).hexdigest(), 16) % 256] += 1.0
    length = math.sqrt(sum(count * count for count in counts))
    return [count / length for count in counts]


def ingest(project: Project, file: Path, **parameters: str) -> dict[str, Any]:
    """Run the example on a file; returns the result in its status."""
    values = {"file": str(file), **parameters}
    config = {"resources": {"parameters": {"config": {"values": values}}}}
    done: JobExecutionResult = project.run("index_file", run_config=config)
    status = read_status(project.instance, done.run_id)
    assert done.success, status.errors
    return dict(status.result)


def test_a_file_is_indexed_and_found_and_another_one_beside_it(project: Project, tmp_path: Path) -> None:
    project.emulator.admin("POST", "reset", {}, token=project.token)  # tasks are simulated no longer
    for name in ("cluster_config.json", "workflows/chunk_file.json", "workflows/index_file.json"):
        (project.root / "config" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "config" / name, project.root / "config" / name)
    project.write("project.json", {"name": "trial", "notebooks": str(ROOT / "dagster_project" / "notebooks")})
    client = project.emulator.client(project.token)
    client.volumes.create("main", "default", "documents", VolumeType.MANAGED)
    flights, bread = tmp_path / "flights.txt", tmp_path / "bread.txt"
    flights.write_text(FLIGHTS)
    bread.write_text(BREAD)

    first = ingest(project, flights, chunk_words="35")
    again = ingest(project, flights, chunk_words="35")
    second = ingest(project, bread)

    assert (first["path"], first["file_name"]) == (
        "/Volumes/main/default/documents/flights.txt",
        "flights.txt",
    )
    assert (first["exit_value"], first["rows"], again["rows"], second["rows"]) == ("2", 2, 2, 3)
    assert first["job_id"] == second["job_id"] and first["run_id"] != second["run_id"]
    found = client.vector_search_indexes.query_index(
        INDEX, ["file", "text"], query_vector=embed("how to bake bread"), num_results=1
    )
    assert found.result is not None and found.result.data_array is not None
    assert found.result.data_array[0][:2] == ["/Volumes/main/default/documents/bread.txt", BREAD.strip()]
