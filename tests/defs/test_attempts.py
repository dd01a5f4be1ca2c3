"""Which attempt a step makes, by what the event logs of its run and of those before it say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from dagster import DagsterInstance, DagsterRun

from dara_dagster.defs.execution.attempts import SEED_TAG, Attempt, AttemptLog
from dara_dagster.executor.events import Value, record

STEP = "load"


@dataclass
class Family:
    """A root run and its re-executions, with events written by hand."""

    instance: DagsterInstance
    runs: list[DagsterRun] = field(default_factory=list)

    def add(self) -> DagsterRun:
        root = self.runs[0].run_id if self.runs else None
        tags = {"dagster/root_run_id": root, "dagster/parent_run_id": self.runs[-1].run_id} if root else {}
        run = DagsterRun(
            job_name="flow", root_run_id=root, parent_run_id=self.runs[-1].run_id if root else None, tags=tags
        )
        self.runs.append(self.instance.add_run(run))
        return run

    def write(self, kind: str, data: Mapping[str, Value], step: str = STEP) -> None:
        record(self.instance, self.runs[-1].run_id, step, kind, kind, data)

    def attempt(self, number: int, step: str = STEP) -> None:
        self.write("attempt", {"attempt": number, "token": f"token-{number}"}, step)

    def submitted(self, databricks_run: int) -> None:
        self.write("submitted", {"databricks_run_id": databricks_run})

    def result(self, verdict: str, *, accepted: bool = False) -> None:
        self.write("result", {"verdict": verdict, "accepted": accepted})

    def begin(self, step: str = STEP) -> Attempt:
        return AttemptLog(self.instance, self.runs[-1]).begin(step)


@pytest.fixture
def family(instance: DagsterInstance) -> Family:
    made = Family(instance)
    made.add()
    return made


def test_a_step_that_never_started_makes_its_first_attempt(family: Family) -> None:
    attempt = family.begin()
    assert (attempt.number, attempt.earlier, attempt.databricks_run) == (1, False, None)
    assert len(attempt.token) == 64
    assert attempt.token != family.begin("load[x]").token


def test_a_run_with_the_id_of_a_deleted_one_shares_no_token_with_it(instance: DagsterInstance) -> None:
    tokens = set()
    for seed in ("one", "two"):
        run = instance.add_run(DagsterRun(job_name="flow", run_id="same", tags={SEED_TAG: seed}))
        tokens.add(AttemptLog(instance, run).begin(STEP).token)
        instance.delete_run("same")

    assert len(tokens) == 2


@pytest.mark.parametrize("submitted", [None, 77])
def test_an_attempt_whose_end_nobody_saw_is_taken_over(family: Family, submitted: int | None) -> None:
    family.attempt(1)
    if submitted:
        family.submitted(submitted)
    family.add()
    attempt = family.begin()
    assert (attempt.number, attempt.token, attempt.earlier) == (1, "token-1", True)
    assert attempt.databricks_run == submitted


@pytest.mark.parametrize(("verdict", "again"), [("failed", False), ("cancelled", False), ("lost", True)])
def test_only_a_lost_run_is_attached_to_after_a_failure(family: Family, verdict: str, again: bool) -> None:
    family.attempt(1)
    family.submitted(77)
    family.result(verdict)
    family.add()
    attempt = family.begin()
    assert attempt.number == (1 if again else 2)
    assert attempt.earlier == again


def test_a_success_that_dagster_never_heard_of_is_taken(family: Family) -> None:
    family.attempt(1)
    family.submitted(77)
    family.result("success", accepted=True)
    family.add()
    assert family.begin().databricks_run == 77


def test_attempts_are_counted_over_the_whole_family(family: Family) -> None:
    for number in (1, 2, 3):
        family.attempt(number)
        family.result("failed")
        family.add()
    assert family.begin().number == 4


def test_siblings_are_counted_too(family: Family) -> None:
    family.attempt(1)
    family.result("failed")
    family.add()
    family.attempt(2)
    family.result("failed")
    family.add()
    tokens = {family.begin().token}
    family.attempt(3)
    family.result("failed")
    assert family.begin().token not in tokens


def test_other_steps_do_not_matter(family: Family) -> None:
    family.attempt(1, "other")
    family.add()
    assert not family.begin().earlier


def test_the_log_of_a_process_is_kept_up_to_date(family: Family) -> None:
    log = AttemptLog(family.instance, family.runs[0])
    first = log.begin(STEP)
    log.submitted(STEP, 5)
    assert log.begin(STEP).databricks_run == 5
    log.failed(STEP)
    second = log.begin(STEP)
    assert (second.number, second.databricks_run) == (2, None)
    assert second.token != first.token
