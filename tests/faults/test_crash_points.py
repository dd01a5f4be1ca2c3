"""kill -9 at any point of an attempt: the next run continues with what is there, one run an attempt."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from dagster import ReexecutionOptions

from tests.faults.conftest import OUTPUT, SUBMIT, Trial
from tests.support.forked import Forked
from tests.support.waiting import until

LISTING = "/api/2.0/workspace/list"
NOTEBOOK = "# Databricks notebook source\n"
FIRST, LONG = 300, 900  # simulated seconds until a task ends by itself


@dataclass
class Fates:
    """What becomes of each task's first run, drawn from a seed."""

    seed: int
    names: Sequence[str] = tuple(f"task_{number:02}" for number in range(12))
    of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        kinds = ["quick"] * 3 + ["succeeds meanwhile"] * 3 + ["fails meanwhile"] * 3 + ["continues"] * 3
        draw.shuffle(kinds)
        self.of = dict(zip(self.names, kinds, strict=True))

    def named(self, *kinds: str) -> set[str]:
        return {name for name, kind in self.of.items() if kind in kinds}


RULES: Mapping[str, dict[str, Any]] = {
    "quick": {"duration_ms": 10},
    "succeeds meanwhile": {"duration_ms": 1000 * FIRST},
    "fails meanwhile": {"duration_ms": 1000 * FIRST, "result": "FAILED"},
    "continues": {"duration_ms": 1000 * LONG},
}


def prepare(trial: Trial, fates: Fates) -> None:
    """Twelve tasks without files and two with one; the first calls to each point of an attempt hang."""
    for name, kind in fates.of.items():
        trial.simulate(name, count=1, **RULES[kind])
    for name in ("file_a", "file_b"):
        trial.write(f"notebooks/{name}.py", NOTEBOOK)
    files = [{"file_name": name, "format": "py", "max_retries": 1} for name in ("file_a", "file_b")]
    trial.workflow(*({"name": name, "max_retries": 1} for name in fates.names), *files)
    trial.fault(LISTING, "hang", count=1)
    trial.fault(SUBMIT, "hang", count=1)
    trial.fault(SUBMIT, "hang", when="after", count=1)
    trial.fault(OUTPUT, "hang", count=1)


def run_until_hung(trial: Trial, fates: Fates) -> tuple[Forked, str]:
    """Start it and wait until each of the five points is reached by some task."""
    process = trial.start("run", "flow")
    until(lambda: trial.calls(LISTING) == 1, "the listing of the notebooks folder")
    until(lambda: trial.calls(SUBMIT) == len(fates.names), "every submission")
    until(lambda: trial.calls(OUTPUT) >= 1, "the reading of an output")
    run_id = trial.wait_for("submitted", len(fates.names) - 2)
    trial.wait_for("state", 5, state="RUNNING")
    assert trial.stats()["runs_created"] == len(fates.names) - 1
    assert len(trial.events(run_id, "attempt")) == len(fates.names)
    return process, run_id


def settled(trial: Trial, fates: Fates) -> None:
    """Nothing was lost and nothing doubled: a second run only after a failed one."""
    runs = trial.runs()
    failed = fates.named("fails meanwhile")
    assert {name for name, made in runs.items() if len(made) == 2} == failed
    assert {name for name, made in runs.items() if len(made) > 2} == set()
    assert set(runs) == {*fates.names, "file_a", "file_b"}
    for name, made in runs.items():
        expected = ["FAILED", "SUCCESS"] if name in failed else ["SUCCESS"]
        assert [run["state"]["result_state"] for run in made] == expected
    assert trial.stats()["active_runs"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_every_point_and_once_more_on_the_way(trial: Trial, seed: int) -> None:
    fates = Fates(seed)
    prepare(trial, fates)
    process, killed = run_until_hung(trial, fates)
    process.kill()
    trial.clear_faults()
    created = trial.stats()["runs_created"]
    trial.advance(FIRST)

    again = trial.start("run", "--resume", killed)
    second = trial.wait_for("attempt", 2 + 3 * seed, after=killed)
    again.kill()

    last = trial.start("run", "--resume", second, "--json")
    third = trial.wait_for("submitted", len(fates.named("continues")) - 1, after=second)

    def has_ended() -> bool:
        trial.advance(FIRST)
        return last.poll() is not None

    until(has_ended, "the end of the last run")

    assert last.wait() == 0, last.text
    assert created == len(fates.names) - 1
    settled(trial, fates)
    assert trial.dagster_run(killed).is_failure and trial.dagster_run(second).is_failure
    assert trial.dagster_run(third).is_success
    tokens = [str(e.data["token"]) for r in (killed, second, third) for e in trial.events(r, "attempt")]
    assert len(set(tokens)) == trial.stats()["runs_created"]


def test_what_failed_is_reported_and_what_succeeded_is_taken(trial: Trial) -> None:
    """Even without retries of its own a task that failed while nobody watched gets a new attempt."""
    trial.simulate("good", duration_ms=1000 * FIRST, exit_value="42", count=1)
    trial.simulate("bad", duration_ms=1000 * FIRST, result="FAILED", count=1)
    trial.workflow({"name": "good", "outputs": ["main.gold.good"]}, {"name": "bad"})
    process = trial.start("run", "flow")
    killed = trial.wait_for("state", 2, state="RUNNING")
    process.kill()
    trial.advance(FIRST)

    result = trial.resume(killed)

    assert result.success
    assert [len(made) for _, made in sorted(trial.runs().items())] == [2, 1]
    (taken,) = trial.events(result.run_id, "result", verdict="success", exit_value="42")
    assert taken.step_key == "good"
    assert trial.assets(result.run_id) == {"good"}
    attempts = {str(e.step_key): e.data["attempt"] for e in trial.events(result.run_id, "attempt")}
    assert attempts == {"good": 1, "bad": 2}


@pytest.mark.parametrize("how", ["deleted", "older than 60 days"])
def test_a_run_that_is_gone_makes_room_for_a_fresh_attempt(trial: Trial, how: str) -> None:
    trial.simulate("known", duration_ms=1000 * FIRST, count=1)
    trial.simulate("unanswered", duration_ms=1000 * FIRST, count=1)
    trial.workflow({"name": "known"}, {"name": "unanswered"})
    trial.fault(SUBMIT, "hang", when="after", skip=1)
    process = trial.start("run", "flow")
    killed = trial.wait_for("submitted", 1)
    until(lambda: trial.stats()["runs_created"] == 2, "both runs")
    process.kill()
    trial.clear_faults()
    trial.advance(FIRST)
    if how == "deleted":
        client = trial.emulator.client(trial.token)
        for (run,) in trial.runs().values():
            client.jobs.delete_run(run["run_id"])
    else:
        trial.advance(61 * 24 * 3600)
    assert trial.runs() == {}

    assert trial.resume(killed).success
    assert [len(made) for made in trial.runs().values()] == [1, 1]
    assert trial.stats()["runs_created"] == 4


def test_retries_and_re_executions_are_new_runs_with_new_tokens(trial: Trial) -> None:
    trial.simulate("b", result="FAILED", count=2)
    trial.workflow({"name": "a"}, {"name": "b", "dependent_on": ["a"], "max_retries": 1})

    failed = trial.run()
    resumed = trial.resume(failed.run_id)
    again = trial.run(reexecution_options=ReexecutionOptions(resumed.run_id))
    chained = trial.run("flow_sequential")

    assert (failed.success, resumed.success, again.success, chained.success) == (False, True, True, True)
    runs = trial.runs()
    assert {name: len(made) for name, made in runs.items()} == {"a": 3, "b": 5}
    ids = [r.run_id for r in (failed, resumed, again, chained)]
    tokens = [str(e.data["token"]) for run_id in ids for e in trial.events(run_id, "attempt")]
    assert len(tokens) == len(set(tokens)) == trial.stats()["runs_created"] == 8


def test_re_executions_of_one_run_do_not_share_their_runs(trial: Trial) -> None:
    """In parallel or in sequence: their parameters may differ, and one may have failed."""
    trial.simulate("a", result="FAILED", count=1)
    trial.simulate("a", duration_ms=1000 * FIRST, count=2)
    trial.simulate("a", result="FAILED", count=1)
    trial.workflow({"name": "a"}, parameters={"day": ""})
    parent = trial.run().run_id

    process = trial.start("run", "--resume", parent, "--param", "day=1")
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(trial.resume, parent)  # as the UI does, which refuses no second one
        until(lambda: trial.stats()["active_runs"] == 2, "two runs in parallel")
        trial.advance(FIRST)
        assert process.wait() == 0 and beside.result().success
    assert not trial.resume(parent).success
    assert trial.resume(parent).success

    assert trial.stats()["runs_created"] == 5
    history = [run.run_id for run in trial.instance.get_runs()]
    tokens = [str(e.data["token"]) for run_id in history for e in trial.events(run_id, "attempt")]
    assert len(set(tokens)) == len(tokens) == 5
