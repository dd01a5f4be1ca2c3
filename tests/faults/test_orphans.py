"""What a killed process leaves running on Databricks is found, named and ended; what is watched is not."""

from __future__ import annotations

import json

from dagster import DagsterRunStatus

from tests.faults.conftest import Trial, until

LONG = 3_600_000


def test_orphans_are_those_that_no_living_run_watches(trial: Trial) -> None:
    trial.simulate(duration_ms=LONG)
    trial.workflow({"name": "a"}, {"name": "b"})
    trial.workflow({"name": "c"}, name="other")
    killed = trial.start("run", "flow")
    dead = trial.wait_for("state", 2, state="RUNNING")
    killed.kill()
    living = trial.start("run", "other")
    other = trial.wait_for("state", after=dead, state="RUNNING")

    found = {row["name"]: row for row in json.loads(trial.dara("orphans", "--json"))}

    runs = trial.runs()
    assert {f"dara:trial/flow/{task} [{dead}]" for task in ("a", "b")} == set(found)
    assert {row["run_id"] for row in found.values()} == {runs[task][0]["run_id"] for task in ("a", "b")}
    assert all(str(row["run_id"]) in row["url"] for row in found.values())

    again = trial.start("run", "--resume", dead)
    trial.wait_for("submitted", 2, after=other)
    assert "No orphans" in trial.dara("orphans", "--cancel")
    assert trial.stats()["active_runs"] == 3
    again.kill()

    text = trial.dara("orphans", "--cancel")

    assert "2 cancelled." in text
    assert all(row["url"] in text for row in found.values())
    ends = {task: made[0]["state"].get("result_state") for task, made in trial.runs().items()}
    assert ends == {"a": "CANCELED", "b": "CANCELED", "c": None}
    assert trial.status(other) == DagsterRunStatus.STARTED
    assert f"Run {other} ended: cancelled." in trial.dara("cancel", other)
    assert living.wait() == 1
    assert trial.stats()["active_runs"] == 0


def test_a_cancel_that_fails_is_made_again(trial: Trial) -> None:
    trial.simulate(duration_ms=LONG)
    trial.workflow({"name": "a"})
    process = trial.start("run", "flow")
    trial.wait_for("submitted")
    process.kill()
    trial.fault("/api/2.2/jobs/runs/cancel", "status", status=500, count=3)

    assert "1 cancelled." in trial.dara("orphans", "--cancel")
    until(lambda: trial.stats()["active_runs"] == 0)
