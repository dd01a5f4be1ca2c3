"""Which files of the computer a run reads when others may have started it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dara_dagster.config import plan_from
from dara_dagster.defs.execution.allowed_files import RECEIVED, RESTRICT_VARIABLE, file_parameters, may_read
from tests.defs.conftest import Project

UPLOAD = {"uses": "upload_file", "settings": {"to": "/Volumes/main/default/inbox/"}}


@pytest.fixture
def inside(project: Project) -> Path:
    """A folder that project.json allows, with a file, beside a file that it does not allow."""
    project.write("project.json", {"name": "trial", "upload_folders": ["../incoming"]})
    folder = project.root / "incoming"
    folder.mkdir()
    (folder / "a.csv").write_text("a")
    (project.root / "secret.csv").write_text("s")
    (folder / "link.csv").symlink_to("../secret.csv")
    return folder


def test_what_may_be_named_over_http(project: Project, inside: Path) -> None:
    named = {"steps": [UPLOAD], "parameters": {"file": "/data/daily.csv"}, "sensor": {"folder": "arrivals"}}
    project.write("workflows/ingest.json", named)
    plan = plan_from(project.config)
    root = project.root

    good = [str(inside / "a.csv"), "incoming/a.csv", "incoming/none", "incoming/x/../a.csv", "arrivals/b.csv"]
    assert [path for path in good if not may_read(plan, path)] == []
    assert may_read(plan, str(root / RECEIVED / "run" / "a.csv")) and may_read(plan, "/data/daily.csv")
    bad = ["/etc/passwd", "incoming/link.csv", "incoming/../secret.csv", "secret.csv", "incoming", "", "\0"]
    assert [path for path in bad if may_read(plan, path)] == []
    assert not may_read(plan, f"{inside}-other/a.csv")


def test_which_parameters_are_files(project: Project, inside: Path) -> None:
    settings = {**UPLOAD["settings"], "file": "${context.source}"}  # type: ignore[dict-item]
    project.write("workflows/ingest.json", {"steps": [{**UPLOAD, "settings": settings}]})
    (workflow,) = plan_from(project.config).workflows

    assert file_parameters(workflow) == {"file", "file_path", "source"}


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("given", ["file", "source", "uploads"])
def test_a_run_under_the_server_reads_allowed_files_only(
    project: Project, inside: Path, monkeypatch: pytest.MonkeyPatch, given: str, restricted: bool
) -> None:
    from databricks.sdk.service.catalog import VolumeType

    project.emulator.client(project.token).volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    settings = {"to": "/Volumes/main/default/inbox/"}
    if given != "file":
        settings["file"] = "${context.source}" if given == "source" else "incoming/a.csv"
    project.write("workflows/ingest.json", {"steps": [{"uses": "upload_file", "settings": settings}]})
    if restricted:
        monkeypatch.setenv(RESTRICT_VARIABLE, "1")

    def run(path: Path) -> bool:
        uploads = {"uploads": {"/Volumes/main/default/inbox/x": str(path)}}
        config = uploads if given == "uploads" else {"values": {given: str(path)}}
        return project.run("ingest", run_config={"resources": {"parameters": {"config": config}}}).success

    assert run(inside / "a.csv")
    assert run(project.root / "secret.csv") is not restricted


def test_what_a_step_made_may_be_uploaded(
    project: Project, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from databricks.sdk.service.catalog import VolumeType

    monkeypatch.setenv(RESTRICT_VARIABLE, "1")
    project.emulator.client(project.token).volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    made = {
        "name": "make",
        "uses": "tests.defs.own_steps:MakeFile",
        "settings": {"folder": str(project.root)},
    }
    settings = {"to": "/Volumes/main/default/inbox/", "file": "${context.make.made}"}
    project.write("workflows/ingest.json", {"steps": [made, {"uses": "upload_file", "settings": settings}]})

    assert project.run("ingest").success
