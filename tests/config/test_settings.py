"""Rates, time-outs and patience: one record, set by project.json, documented in one table."""

from __future__ import annotations

from pathlib import Path

import dara_dagster
from dara_dagster.config import Settings, load, plan_from, schemas
from dara_dagster.config.settings import all_settings
from tests.config.conftest import Project

DOCS = Path(dara_dagster.__file__).parent / "docs"


def test_every_setting_is_set_by_poll_in_project_json(project: Project) -> None:
    wanted = {one.name: one.default + 1 for one in all_settings()}
    files = project.file("a.py").write("dependency.json", [{"file_name": "a", "format": "py"}])
    files.write("project.json", {"poll": wanted})
    assert plan_from(files.config, {}).poll == Settings(**wanted)  # type: ignore[arg-type]


def test_a_wrong_setting_is_named_with_the_nearest_right_one(project: Project) -> None:
    files = project.file("a.py").write("dependency.json", [{"file_name": "a", "format": "py"}])
    files.write("project.json", {"poll": {"upload_thread": 2, "cancel_seconds": 0}})
    reported = [str(problem) for problem in load(files.config, {}).problems]
    assert any("poll.upload_thread" in line and "upload_threads" in line for line in reported)
    assert any("poll.cancel_seconds" in line and "too small" in line for line in reported)


def test_the_schema_and_the_table_have_every_setting() -> None:
    text = str(schemas()["project.json"])
    assert all(one.name in text and one.text in text for one in all_settings())
    rows = [f"| `{one.name}` | {one.default:g} | {one.text} |" for one in all_settings()]
    table = "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])
    assert table in (DOCS / "settings.md").read_text()
