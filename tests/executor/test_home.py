"""The `dagster.yaml` of a new home, and of one that was moved."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance

from dara_dagster.executor.home import write_dagster_yaml


def test_the_ui_asks_for_no_address(tmp_path: Path) -> None:
    write_dagster_yaml(tmp_path)

    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert not instance.nux_enabled


def test_the_path_of_a_moved_or_copied_home_is_put_right(tmp_path: Path) -> None:
    write_dagster_yaml(tmp_path / "old" / ".dagster")
    (tmp_path / "old").rename(tmp_path / "new")
    file = tmp_path / "new" / ".dagster" / "dagster.yaml"
    edited = file.read_text().replace("enabled: false", "enabled: true")
    file.write_text(edited)

    assert write_dagster_yaml(file.parent)

    assert file.read_text() == edited.replace(f"{tmp_path}/old/", f"{tmp_path}/new/")
    assert not write_dagster_yaml(file.parent)


def test_a_path_that_somebody_chose_stays(tmp_path: Path) -> None:
    write_dagster_yaml(tmp_path)
    file = tmp_path / "dagster.yaml"
    chosen = file.read_text().replace(f"{tmp_path}/history/runs", "/big disk/events")
    file.write_text(chosen)

    assert not write_dagster_yaml(tmp_path)
    assert file.read_text() == chosen


def test_a_home_of_an_older_release_names_the_modules_of_this_one(tmp_path: Path) -> None:
    write_dagster_yaml(tmp_path)
    file = tmp_path / "dagster.yaml"
    written = file.read_text()
    file.write_text(written.replace("module: dara_dagster.executor.", "module: dara_dagster.engine."))

    assert write_dagster_yaml(tmp_path)

    assert file.read_text() == written
