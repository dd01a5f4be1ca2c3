"""What a killed process leaves running on Databricks is found, named and ended; what is watched is not."""

from __future__ import annotations

import json

from dagster import DagsterRunStatus
from databricks.sdk.service import jobs

from tests.faults.conftest import Trial
from tests.support.waiting import until

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


def save_job(trial: Trial) -> int:
    """A saved job `nightly`, and a workflow `flow` whose one step runs it."""
    notebook = jobs.NotebookTask(notebook_path="/nb")
    made = trial.emulator.client(trial.token).jobs.create(
        name="nightly",
        max_concurrent_runs=5,
        tasks=[jobs.Task(task_key="only", notebook_task=notebook)],
    )
    step = {"name": "run it", "uses": "run_job", "settings": {"job": "nightly"}}
    trial.write("workflows/flow.json", {"name": "flow", "steps": [step]})
    assert made.job_id is not None
    return made.job_id


def test_runs_of_saved_jobs_are_found_by_the_history(trial: Trial) -> None:
    trial.simulate(duration_ms=LONG)
    job_id = save_job(trial)
    client = trial.emulator.client(trial.token)
    by_hand = client.jobs.run_now(job_id).bind()["run_id"]
    killed = trial.start("run", "flow")
    dead = trial.wait_for("submitted")
    assert json.loads(trial.dara("orphans", "--json")) == []
    killed.kill()

    found = json.loads(trial.dara("orphans", "--json"))

    [left] = trial.events(dead, "submitted")
    assert [(row["run_id"], row["name"], row["dagster_run_id"]) for row in found] == [
        (left.data["databricks_run_id"], "nightly", dead)
    ]
    assert f"nightly [{dead}]" in trial.dara("orphans")

    again = trial.start("run", "--resume", dead)
    trial.wait_for("submitted", after=dead)
    assert "No orphans" in trial.dara("orphans", "--cancel")
    again.kill()
    trial.instance.report_run_failed(trial.dagster_run(dead))
    assert "1 cancelled." in trial.dara("orphans", "--cancel")
    assert trial.stats()["active_runs"] == 1  # what somebody else started goes on
    client.jobs.cancel_run(by_hand)


def test_a_run_of_a_saved_job_that_was_seen_to_end_is_nobodys_orphan(trial: Trial) -> None:
    job_id = save_job(trial)
    assert trial.start("run", "flow").wait() == 0
    trial.simulate(duration_ms=LONG)
    client = trial.emulator.client(trial.token)
    by_hand = client.jobs.run_now(job_id).bind()["run_id"]

    assert "No orphans" in trial.dara("orphans", "--cancel")
    assert client.jobs.get_run(by_hand).state.life_cycle_state == jobs.RunLifeCycleState.RUNNING
