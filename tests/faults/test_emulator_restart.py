"""The service goes away in the middle and comes back: every run ends well, and none is made twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Emulator, start_emulator
from tests.faults.conftest import GET, Trial, open_trial
from tests.support.waiting import until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Emulator]:
    """A server that only this test uses, on a folder of its own."""
    running = start_emulator(tmp_path / "emulator")
    yield running
    running.stop()


@pytest.fixture
def trial(tmp_path: Path, own: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    yield from open_trial(tmp_path, own, own.token, monkeypatch)


def restart(emulator: Emulator, number: int) -> None:
    """End the server with that signal and start it again on the same port and folder."""
    emulator.stop(number)
    port = str(urlsplit(emulator.host).port)
    emulator.process = start_emulator(emulator.data, "--port", port).process


def test_runs_survive_the_end_of_the_server(trial: Trial) -> None:
    """First it is asked to end, then it is killed, with runs of all ages and more to submit."""
    trial.simulate(duration_ms=600_000)
    trial.simulate("after_*", duration_ms=30)
    names = [f"task_{number:02}" for number in range(30)]
    last = [{"name": f"after_{name}", "dependent_on": [name]} for name in names]
    trial.workflow(*({"name": name} for name in names), *last)
    process = trial.start("run", "flow")
    trial.wait_for("state", len(names), state="RUNNING")

    for number in (signal.SIGTERM, signal.SIGKILL):
        restart(trial.emulator, number)
        until(lambda: trial.calls(GET) > 1, "a look after the restart")
        trial.advance(200)
    restart(trial.emulator, signal.SIGKILL)
    trial.advance(200)

    assert process.wait() == 0, process.text
    runs = trial.runs()
    assert len(runs) == 2 * len(names)
    assert {len(made) for made in runs.values()} == {1}
    assert {made[0]["state"]["result_state"] for made in runs.values()} == {"SUCCESS"}


def test_submissions_survive_the_end_of_the_server(trial: Trial) -> None:
    trial.simulate(duration_ms=30)
    trial.project(calls_per_second=40)
    names = [f"task_{number:03}" for number in range(120)]
    trial.workflow(*({"name": name} for name in names))
    process = trial.start("run", "flow")
    for count in (20, 50, 80):
        until(lambda count=count: len(trial.runs()) >= count, f"{count} submissions")  # type: ignore[misc]
        restart(trial.emulator, signal.SIGKILL)

    assert process.wait() == 0, process.text
    runs = trial.runs()
    assert len(runs) == len(names)
    assert {len(made) for made in runs.values()} == {1}
