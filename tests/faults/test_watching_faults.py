"""Faults while a run is watched do not fail its task; only a long silence does, until it is resumed."""

from __future__ import annotations

from typing import Any

from tests.faults.conftest import GET, LIST, OUTPUT, Trial
from tests.support.waiting import until

WEATHER: tuple[dict[str, Any], ...] = (
    {"kind": "hang"},
    *({"kind": "status", "status": status} for status in (500, 502, 503, 504)),
    {"kind": "status", "status": 429, "retry_after": "1"},
    {"kind": "drop"},
)


def test_every_fault_of_a_look_is_borne(trial: Trial) -> None:
    """Whether it is at one run or at a page of them."""
    for fault in WEATHER:
        trial.fault(GET, count=1, **fault)
        if fault["kind"] != "hang":  # a page that hangs for 10 s would outlive these runs
            trial.fault(LIST, count=1, **fault)
    names = [f"task_{number:02}" for number in range(40)]
    trial.simulate(duration_ms=6000)
    trial.workflow(*({"name": name, "outputs": [f"main.gold.{name}"]} for name in names))

    result = trial.run()

    assert result.success
    assert trial.assets(result.run_id) == set(names)
    assert trial.stats()["runs_created"] == 40
    assert trial.calls(GET) > len(WEATHER) and trial.calls(LIST) > 3


def test_an_output_that_cannot_be_read_fails_no_task_that_succeeded(trial: Trial) -> None:
    trial.project(lost_after_seconds=1)
    trial.workflow({"name": "a"})
    trial.fault(OUTPUT, "status", status=500)

    assert trial.run().success


def test_silence_loses_the_run_and_a_resume_finds_it_again(trial: Trial) -> None:
    trial.project(lost_after_seconds=1)
    trial.simulate(duration_ms=3_600_000)
    trial.workflow({"name": "a", "outputs": ["main.gold.a"]})
    process = trial.start("run", "flow")
    lost = trial.wait_for("state", state="RUNNING")
    for path in (GET, LIST):
        trial.fault(path, "status", status=503)

    assert process.wait() == 1

    trial.clear_faults()
    (run,) = trial.runs()["a"]
    (result,) = trial.events(lost, "result", verdict="lost")
    assert trial.words(lost) == {"a": "failure"}
    assert "No answer about run" in process.text and str(run["run_id"]) in process.text
    assert str(run["run_id"]) in str(result.data["url"])
    assert "result_state" not in run["state"]  # left attached, not cancelled

    again = trial.start("run", "--resume", lost)
    resumed = trial.wait_for("submitted", after=lost, databricks_run_id=run["run_id"])
    trial.wait_for("state", after=lost, state="RUNNING")
    trial.advance(3600)
    assert again.wait() == 0, again.text
    assert trial.stats()["runs_created"] == 1
    assert trial.assets(resumed) == {"a"}


def test_thirty_minutes_are_not_too_long(trial: Trial) -> None:
    """The SDK gives up its own waiting after 20 minutes."""
    trial.simulate(duration_ms=30 * 60_000)
    trial.workflow({"name": "a"})
    process = trial.start("run", "flow")
    trial.wait_for("state", state="RUNNING")
    looks = trial.calls(GET)
    trial.advance(25 * 60)
    until(lambda: trial.calls(GET) > looks + 1, "a look after 25 minutes")
    trial.advance(5 * 60)

    assert process.wait() == 0, process.text
    assert trial.stats()["runs_created"] == 1
