"""The files that callers send: how they are kept, and for how long."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest
from dagster import DagsterInstance, job

from dara_dagster.api.models import ApiError
from dara_dagster.api.uploads import Uploads

_EIGHT_DAYS = 8 * 24 * 3600.0


@job
def idle() -> None:
    """A run of nothing."""


def test_a_file_is_kept_for_its_run(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)

    received = uploads.receive(io.BytesIO(b"one"), "../a b.csv")
    place = uploads.place(received, "run-1")
    received.discard()

    assert (place.name, place.read_bytes(), received.size) == ("a b.csv", b"one", 3)
    assert place.parent == tmp_path / "run-1" and not list((tmp_path / "incoming").iterdir())
    assert place.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "\x00", "new\nline", "a" * 300])
def test_what_cannot_be_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ApiError, match="cannot be the name of a file"):
        Uploads(tmp_path).receive(io.BytesIO(b""), name)


def test_a_folder_that_cannot_be_written_to_is_reported(tmp_path: Path) -> None:
    (tmp_path / "uploads").touch()

    with pytest.raises(ApiError, match="cannot keep the file: Not a directory") as reported:
        Uploads(tmp_path / "uploads").receive(io.BytesIO(b"x"), "x.csv")

    assert reported.value.status == 507


def test_what_goes_while_it_is_checked_is_passed_over(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "incoming"):
        folder.mkdir(exist_ok=True)
        (folder / "gone").symlink_to("nowhere")

    with DagsterInstance.ephemeral() as instance:
        Uploads(tmp_path).sweep(instance)


def test_files_go_a_week_after_their_run(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    with DagsterInstance.ephemeral() as instance:
        running = instance.create_run_for_job(idle).run_id
        ended = idle.execute_in_process(instance=instance).run_id
        for run_id in (running, ended, "deleted long ago", "deleted now"):
            uploads.place(uploads.receive(io.BytesIO(b"x"), "x.csv"), run_id)
        left = uploads.receive(io.BytesIO(b"x"), "x.csv").path
        for path in (tmp_path / running, tmp_path / "deleted long ago", left):
            long_ago = time.time() - _EIGHT_DAYS
            os.utime(path, (long_ago, long_ago))

        uploads.sweep(instance)

    assert {path.name for path in tmp_path.iterdir()} == {"incoming", running, ended, "deleted now"}
    assert not left.exists()
