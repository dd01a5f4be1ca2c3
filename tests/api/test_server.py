"""What a server needs before it serves: its workspace file, and Dagster's daemon."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._daemon.types import DaemonHeartbeat

from dara_dagster.api import daemon
from dara_dagster.api.daemon import Daemon, kept_daemon
from dara_dagster.api.server import _stopped_by_signals
from dara_dagster.executor.code_location import check_workspace_file
from dara_dagster.executor.home import write_dagster_yaml
from dara_dagster.workspace.locks import file_lock
from tests.support.waiting import PATIENCE, until


def test_a_signal_that_comes_in_a_destructor_is_handled_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # what Python does with it by default
    passed = []

    class Thing:
        """Something with a destructor."""

    with _stopped_by_signals() as end_if_asked:
        thing = Thing()
        weakref.finalize(thing, signal.raise_signal, signal.SIGTERM)
        del thing
        passed.append("the destructor")
        end_if_asked()
        passed.append("the check")

    assert passed == ["the destructor"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "valid yaml"),
        ("load_from: [", "line 1"),
        ("foo: 1", 'unexpected config entry "foo" at the root.'),
        ("load_from:\n  - python_module: no_such_module\n", ""),
    ],
)
def test_a_workspace_file_that_dagster_cannot_read_is_reported(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "workspace.yaml"
    file.write_text(text)

    reported = check_workspace_file(file)

    assert words in reported and bool(words) == bool(reported)
    assert "\n" not in reported and len(reported) <= 301


def test_the_second_server_of_a_home_succeeds_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_SUCCESSION_SECONDS", 0.05)
    monkeypatch.setattr(sys, "executable", "/bin/cat")
    first = file_lock(tmp_path / "daemon.lock", timeout=0)
    first.__enter__()

    with DagsterInstance.ephemeral() as instance:
        with kept_daemon(instance, tmp_path, tmp_path, tmp_path / "workspace.yaml") as second:
            assert second is None and not (tmp_path / "daemon.log").exists()
            first.__exit__(None, None, None)
            until((tmp_path / "daemon.log").exists)

        with kept_daemon(instance, tmp_path, tmp_path, tmp_path / "workspace.yaml") as third:
            assert third is not None  # the lock was given back


def test_no_daemon_is_started_beside_one_that_writes_heartbeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_SUCCESSION_SECONDS", 0.05)
    monkeypatch.setattr(sys, "executable", "/bin/cat")
    with DagsterInstance.ephemeral() as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "of dagster dev", None))
        with kept_daemon(instance, tmp_path, tmp_path, tmp_path / "workspace.yaml") as ours:
            assert ours is None and daemon.other_daemon(instance)
            assert not daemon.other_daemon(instance, time.time() + 61)
            instance.wipe_daemon_heartbeats()  # as if it had ended a while ago
            until((tmp_path / "daemon.log").exists)
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "ours", None))
        assert not instance.get_daemon_heartbeats(), "the next server need not wait for ours to grow old"


def test_no_daemon_is_started_beside_a_real_one_of_dagster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write_dagster_yaml(home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    (tmp_path / "loaded.py").write_text("import dagster\n\ndefs = dagster.Definitions()\n")
    with DagsterInstance.from_config(str(home)) as instance:
        with (tmp_path / "daemon.log").open("wb") as log:
            command = [sys.executable, "-m", "dagster._daemon", "run", "-f", str(tmp_path / "loaded.py")]
            process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
        try:
            until(lambda: daemon.other_daemon(instance), (tmp_path / "daemon.log").read_text)
            with kept_daemon(instance, home, tmp_path, tmp_path / "workspace.yaml") as ours:
                assert ours is None and not (home / "daemon.log").exists()
        finally:
            process.terminate()
            process.wait(PATIENCE)


def test_a_daemon_that_keeps_ending_is_started_ever_more_rarely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(daemon, "_RESTART_SECONDS", 0.01)
    monkeypatch.setattr(daemon, "_LONGEST_RESTART_SECONDS", 0.04)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    reported = ""

    kept = Daemon(tmp_path, tmp_path, tmp_path / "workspace.yaml")
    try:

        def often() -> bool:
            nonlocal reported
            reported += capsys.readouterr().err
            return reported.count("started again") >= 5

        until(often)
    finally:
        kept.stop()

    pauses = [float(text) for text in re.findall(r"in (\S+) s\.", reported)]
    assert pauses[:5] == [0.01, 0.02, 0.04, 0.04, 0.04]
