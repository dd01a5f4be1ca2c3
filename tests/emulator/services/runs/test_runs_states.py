"""How runs proceed and end: several tasks, run_if, retries, time limits, cancelling, conditions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs

from tests.conftest import Emulator
from tests.emulator.driving import code, life_cycle, notebook, result, submit, tasks_of, wait

WORKLOAD = "Workload failed, see run output for details"


class Space:
    """A workspace whose tasks are simulated and whose clock is ours."""

    def __init__(self, emulator: Emulator, token: str) -> None:
        self.emulator, self.token, self.client = emulator, token, emulator.client(token)
        self.simulate(duration_ms=1_000)

    def simulate(self, **rule: Any) -> None:
        self.emulator.admin("POST", "simulate", rule, token=self.token)

    def advance(self, milliseconds: int) -> None:
        self.emulator.admin("POST", "clock", {"advance_ms": milliseconds}, token=self.token)

    def finished(self, *tasks: jobs.SubmitTask, **more: Any) -> jobs.Run:
        """The run of these tasks once everything is over."""
        run_id = submit(self.client, *tasks, **more)
        self.advance(1_000_000)
        return wait(self.client, run_id)

    def ends(self, *tasks: jobs.SubmitTask) -> dict[str, str]:
        """Task key to result, the run's own under ""."""
        run = self.finished(*tasks)
        ends = {key: result(task).partition("/")[2] for key, task in tasks_of(run).items()}
        return {**ends, "": result(run).partition("/")[2]}


@pytest.fixture
def space(emulator: Emulator, workspace_token: str) -> Space:
    return Space(emulator, workspace_token)


def test_failed_code(space: Space) -> None:
    space.simulate(result="FAILED", error="ValueError: no rows")
    run = space.finished(notebook("load"))
    [task] = run.tasks or []
    assert (result(task), task.state and task.state.state_message) == ("TERMINATED/FAILED", WORKLOAD)
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "RUN_EXECUTION_ERROR")
    assert run.state is not None
    assert run.state.state_message == f"Task load failed with message: {WORKLOAD}."
    assert run.status is not None
    assert run.status.termination_details is not None
    assert run.status.termination_details.type == jobs.TerminationTypeType.CLIENT_ERROR
    output = space.client.jobs.get_run_output(task.run_id or 0)
    assert output.error == "ValueError: no rows"
    assert "Traceback" in (output.error_trace or "")


def test_failure_is_reported_with_its_victims(space: Space) -> None:
    space.simulate(task_key="a", result="FAILED")
    run = space.finished(notebook("a"), notebook("b", "a"))
    assert run.state is not None
    assert run.state.state_message == (
        f"Task a failed with message: {WORKLOAD}. This caused all downstream tasks to get skipped."
    )
    victim = tasks_of(run)["b"]
    assert victim.state is not None
    assert victim.state.result_state == jobs.RunResultState.UPSTREAM_FAILED
    assert code(victim) == "SKIPPED"
    assert (run.setup_duration, run.execution_duration) == (0, 0), (
        "only run_duration counts with several tasks"
    )


def test_tasks_wait_for_upstream_and_run_in_parallel(space: Space) -> None:
    run_id = submit(space.client, notebook("a"), notebook("b"), notebook("c", "a", "b"))
    space.advance(500)
    states = {key: life_cycle(task) for key, task in tasks_of(space.client.jobs.get_run(run_id)).items()}
    assert states == {"a": "RUNNING", "b": "RUNNING", "c": "BLOCKED"}
    space.advance(10_000)
    run = wait(space.client, run_id)
    ends = tasks_of(run)
    assert (ends["c"].start_time or 0) >= max(ends["a"].end_time or 0, ends["b"].end_time or 0)


RUN_IFS = [
    ("ALL_SUCCESS", "SUCCESS", "UPSTREAM_FAILED", "UPSTREAM_FAILED"),
    ("ALL_DONE", "SUCCESS", "SUCCESS", "SUCCESS"),
    ("AT_LEAST_ONE_SUCCESS", "SUCCESS", "SUCCESS", "EXCLUDED"),
    ("NONE_FAILED", "SUCCESS", "UPSTREAM_FAILED", "UPSTREAM_FAILED"),
    ("ALL_FAILED", "EXCLUDED", "EXCLUDED", "SUCCESS"),
    ("AT_LEAST_ONE_FAILED", "EXCLUDED", "SUCCESS", "SUCCESS"),
]


@pytest.mark.parametrize("run_if,none,one,both", RUN_IFS, ids=[row[0] for row in RUN_IFS])
def test_run_if(space: Space, run_if: str, none: str, one: str, both: str) -> None:
    space.simulate(task_key="bad*", result="FAILED")
    for names, expected in ((("x", "y"), none), (("x", "bad1"), one), (("bad1", "bad2"), both)):
        last = notebook("last", *names, run_if=jobs.RunIf(run_if))
        assert space.ends(*[notebook(name) for name in names], last)["last"] == expected


def test_good_leaves_after_a_failure_are_success_with_failures(space: Space) -> None:
    space.simulate(task_key="a", result="FAILED")
    ends = space.ends(notebook("a"), notebook("b", "a", run_if=jobs.RunIf.ALL_DONE))
    assert ends[""] == "SUCCESS_WITH_FAILURES"


def test_condition_chooses_a_branch(space: Space) -> None:
    condition = jobs.ConditionTask(op=jobs.ConditionTaskOp.EQUAL_TO, left="12.0", right="12")
    first = jobs.SubmitTask(task_key="if", condition_task=condition)
    yes = notebook("yes")
    yes.depends_on = [jobs.TaskDependency(task_key="if", outcome="true")]
    no = notebook("no")
    no.depends_on = [jobs.TaskDependency(task_key="if", outcome="false")]
    assert space.ends(first, yes, no) == {"if": "SUCCESS", "yes": "EXCLUDED", "no": "SUCCESS", "": "SUCCESS"}


def test_a_retried_task_shows_every_attempt(space: Space) -> None:
    space.simulate(result="FAILED", count=2)
    run_id = submit(space.client, notebook("a", max_retries=3, min_retry_interval_millis=60_000))
    space.advance(1_500)
    run = space.client.jobs.get_run(run_id)
    assert [life_cycle(task) for task in run.tasks or []] == ["TERMINATED", "WAITING_FOR_RETRY"]
    assert (run.tasks or [])[1].status == jobs.RunStatus(state=jobs.RunLifecycleStateV2State.WAITING)
    space.advance(300_000)
    run = wait(space.client, run_id)
    assert [(task.attempt_number, result(task)) for task in run.tasks or []] == [
        (0, "TERMINATED/FAILED"),
        (1, "TERMINATED/FAILED"),
        (2, "TERMINATED/SUCCESS"),
    ]
    starts = [task.start_time or 0 for task in run.tasks or []]
    assert [second - first for first, second in pairwise(starts)] == [60_000, 60_000]
    assert result(run) == "TERMINATED/SUCCESS"


def test_time_limit_of_a_task_and_of_a_run(space: Space) -> None:
    space.simulate(duration_ms=3_600_000)
    run = space.finished(notebook("a", timeout_seconds=10))
    assert (result(run), code(run)) == ("TERMINATED/TIMEDOUT", "CANCELED")
    assert run.state is not None
    assert run.state.user_cancelled_or_timedout
    run = space.finished(notebook("a"), notebook("b", "a"), timeout_seconds=10)
    assert result(run) == "TERMINATED/TIMEDOUT"
    assert 10_000 <= (run.run_duration or 0) < 12_000


def test_a_timed_out_task_is_retried_only_when_asked(space: Space) -> None:
    space.simulate(duration_ms=3_600_000)
    run = space.finished(notebook("a", timeout_seconds=1, max_retries=1))
    assert len(run.tasks or []) == 1
    run = space.finished(notebook("a", timeout_seconds=1, max_retries=1, retry_on_timeout=True))
    assert len(run.tasks or []) == 2


def test_cancel_takes_a_moment_and_a_second_one_is_harmless(space: Space) -> None:
    space.simulate(duration_ms=3_600_000)
    run_id = submit(space.client, notebook("a"), notebook("b", "a"))
    space.advance(10)
    space.client.jobs.cancel_run(run_id)
    space.client.jobs.cancel_run(run_id)
    run = wait(space.client, run_id)
    assert (result(run), code(run)) == ("TERMINATED/CANCELED", "USER_CANCELED")
    assert run.state is not None
    assert run.state.user_cancelled_or_timedout
    assert {key: result(task) for key, task in tasks_of(run).items()} == dict.fromkeys(
        "ab", "TERMINATED/CANCELED"
    )
    space.client.jobs.cancel_run(run_id)
    assert result(space.client.jobs.get_run(run_id)) == "TERMINATED/CANCELED"


def test_a_finished_run_keeps_its_outcome(space: Space) -> None:
    run = space.finished(notebook("a"))
    space.client.jobs.cancel_run(run.run_id or 0)
    assert result(space.client.jobs.get_run(run.run_id or 0)) == "TERMINATED/SUCCESS"


def test_cancel_one_task_by_its_own_id(space: Space) -> None:
    space.simulate(task_key="long", duration_ms=3_600_000)
    run_id = submit(space.client, notebook("long"), notebook("after", "long"), notebook("other"))
    task_id = tasks_of(space.client.jobs.get_run(run_id))["long"].run_id
    space.client.jobs.cancel_run(task_id or 0)
    space.advance(10_000)
    ends = {key: result(task) for key, task in tasks_of(wait(space.client, run_id)).items()}
    assert ends == {
        "long": "TERMINATED/CANCELED",
        "after": "SKIPPED/UPSTREAM_CANCELED",
        "other": "TERMINATED/SUCCESS",
    }


def test_cancel_of_an_unknown_run_is_an_error(space: Space) -> None:
    with pytest.raises(InvalidParameterValue, match="Run 1 does not exist"):
        space.client.jobs.cancel_run(1)


ENDINGS = [
    ({"result": "FAILED", "code": "CLOUD_FAILURE"}, "INTERNAL_ERROR/FAILED", "CLOUD_FAILURE"),
    ({"result": "FAILED", "code": "DRIVER_ERROR"}, "INTERNAL_ERROR/FAILED", "DRIVER_ERROR"),
    ({"result": "EXCLUDED"}, "SKIPPED/EXCLUDED", "SKIPPED"),
    ({"result": "SUCCESS_WITH_FAILURES"}, "TERMINATED/SUCCESS_WITH_FAILURES", "SUCCESS_WITH_FAILURES"),
    ({"result": "TIMEDOUT"}, "TERMINATED/TIMEDOUT", "CANCELED"),
    (
        {"result": "MAXIMUM_CONCURRENT_RUNS_REACHED"},
        "SKIPPED/MAXIMUM_CONCURRENT_RUNS_REACHED",
        "MAX_CONCURRENT_RUNS_EXCEEDED",
    ),
]


@pytest.mark.parametrize("rule,shown,termination", ENDINGS, ids=[row[1] + row[2] for row in ENDINGS])
def test_every_simulated_ending(space: Space, rule: dict[str, Any], shown: str, termination: str) -> None:
    space.simulate(**rule)
    run = space.finished(notebook("a"))
    assert (result(run), code(run)) == (shown, termination)


def test_words_no_table_knows_can_be_shown(space: Space) -> None:
    space.simulate(state={"life_cycle_state": "WOBBLING"}, status=None)
    run_id = submit(space.client, notebook("a"))
    space.advance(10_000)
    shown = space.emulator.admin("GET", f"/api/2.2/jobs/runs/get?run_id={run_id}", token=space.token)
    assert shown["state"] == {"life_cycle_state": "WOBBLING"}
    assert "status" not in shown


def test_a_thousand_tasks_in_one_run(space: Space) -> None:
    chain = [notebook("t0"), *[notebook(f"t{i}", f"t{i - 1}") for i in range(1, 500)]]
    wide = [notebook(f"w{i}", "t0") for i in range(500)]
    run = space.finished(*chain, *wide)
    assert result(run) == "TERMINATED/SUCCESS"
    assert len(run.tasks or []) == 1000
