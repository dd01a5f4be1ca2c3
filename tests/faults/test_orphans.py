"""What a killed process leaves running on Databricks is found, named and ended; what is watched is not."""

from __future__ import annotations

import json
from pathlib import Path

from dagster import DagsterRunStatus
from databricks.sdk.service import jobs

from dara_dagster.executor.instance_id import instance_id
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

    found = {row["name"]: row for row in json.loads(trial.dara("orphans", "--json"))["orphans"]}

    runs = trial.runs()
    mark = f"{dead}@{instance_id(trial.instance)}"
    assert {f"dara:trial/flow/{task} [{mark}]" for task in ("a", "b")} == set(found)
    assert {row["run_id"] for row in found.values()} == {runs[task][0]["run_id"] for task in ("a", "b")}
    assert all(str(row["run_id"]) in row["url"] for row in found.values())

    again = trial.start("run", "--resume", dead)
    trial.wait_for("submitted", 2, after=other)
    assert "No orphans" in trial.dara("orphans", "--cancel", "--yes")
    assert trial.stats()["active_runs"] == 3
    again.kill()

    text = trial.dara("orphans", "--cancel", "--yes")

    assert "2 cancelled." in text
    assert all(row["url"] in text for row in found.values())
    ends = {task: made[0]["state"].get("result_state") for task, made in trial.runs().items()}
    assert ends == {"a": "CANCELED", "b": "CANCELED", "c": None}
    assert trial.status(other) == DagsterRunStatus.STARTED
    assert f"Run {other} ended: cancelled." in trial.dara("cancel", other)
    assert living.wait() == 1
    assert trial.stats()["active_runs"] == 0


def test_runs_of_another_history_are_never_cancelled(trial: Trial, tmp_path: Path) -> None:
    trial.simulate(duration_ms=LONG)
    trial.workflow({"name": "a"})
    trial.start("run", "flow")
    living = trial.wait_for("submitted")
    unmarked = trial.emulator.client(
        trial.token
    ).jobs.submit(  # by an earlier version, from a history unknown
        run_name="dara:trial/flow/b [0a1b]",
        tasks=[jobs.SubmitTask(task_key="b", notebook_task=jobs.NotebookTask(notebook_path="/nb"))],
    )
    home = tmp_path / "elsewhere"
    trial.environ["DAGSTER_HOME"] = str(home)
    assert trial.start("orphans").wait() == 1
    assert not home.exists()
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")

    found = json.loads(trial.dara("orphans", "--cancel", "--yes", "--json"))

    assert found["orphans"] == []
    assert {row["dagster_run_id"] for row in found["not_ours"]} == {living, "0a1b"}
    assert "Not ours: started from another Dagster history" in trial.dara("orphans")
    assert trial.stats()["active_runs"] == 2
    assert unmarked.bind()["run_id"] in {row["run_id"] for row in found["not_ours"]}


def test_a_run_that_was_deleted_from_the_history_leaves_an_orphan_that_is_asked_about(trial: Trial) -> None:
    trial.simulate(duration_ms=LONG)
    trial.workflow({"name": "a"})
    process = trial.start("run", "flow")
    run_id = trial.wait_for("submitted")
    process.kill()
    trial.instance.delete_run(run_id)

    text = trial.dara("orphans", "--cancel", code=1)

    assert "Cancel 1 orphan?" in text and "Nothing was cancelled." in text
    assert "Nothing was cancelled." in trial.dara("orphans", "--cancel", "--json", code=1)
    assert trial.stats()["active_runs"] == 1
    assert "1 cancelled." in trial.dara("orphans", "--cancel", "--yes")


def test_a_cancel_that_fails_is_made_again(trial: Trial) -> None:
    trial.simulate(duration_ms=LONG)
    trial.workflow({"name": "a"})
    process = trial.start("run", "flow")
    trial.wait_for("submitted")
    process.kill()
    trial.fault("/api/2.2/jobs/runs/cancel", "status", status=500, count=3)

    assert "1 cancelled." in trial.dara("orphans", "--cancel", "--yes")
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
    assert json.loads(trial.dara("orphans", "--json")) == {"orphans": [], "not_ours": []}
    killed.kill()

    found = json.loads(trial.dara("orphans", "--json"))["orphans"]

    [left] = trial.events(dead, "submitted")
    assert [(row["run_id"], row["name"], row["dagster_run_id"]) for row in found] == [
        (left.data["databricks_run_id"], "nightly", dead)
    ]
    assert f"nightly [{dead}]" in trial.dara("orphans")

    again = trial.start("run", "--resume", dead)
    trial.wait_for("submitted", after=dead)
    assert "No orphans" in trial.dara("orphans", "--cancel", "--yes")
    again.kill()
    trial.instance.report_run_failed(trial.dagster_run(dead))
    assert "1 cancelled." in trial.dara("orphans", "--cancel", "--yes")
    assert trial.stats()["active_runs"] == 1  # what somebody else started continues
    client.jobs.cancel_run(by_hand)


def test_a_run_of_a_saved_job_that_was_seen_to_end_is_nobodys_orphan(trial: Trial) -> None:
    job_id = save_job(trial)
    assert trial.start("run", "flow").wait() == 0
    trial.simulate(duration_ms=LONG)
    client = trial.emulator.client(trial.token)
    by_hand = client.jobs.run_now(job_id).bind()["run_id"]

    assert "No orphans" in trial.dara("orphans", "--cancel", "--yes")
    assert client.jobs.get_run(by_hand).state.life_cycle_state == jobs.RunLifeCycleState.RUNNING
