"""Critical path, parallelism and the stretches of an attempt: worked examples."""

from __future__ import annotations

from graphlib import CycleError
from itertools import pairwise

import pytest

from dara_dagster.history.critical_path import critical_path
from dara_dagster.history.parallelism import Parallelism
from dara_dagster.history.phases import phases
from dara_dagster.history.progress import Attempt


def test_the_critical_path_is_the_longest_chain_and_the_others_have_slack() -> None:
    seconds = {"load": 2.0, "quick": 1.0, "slow": 5.0, "check": 0.5, "sum": 1.0}
    upstream = {"quick": ["load"], "slow": ["load"], "sum": ["quick", "slow"], "check": ["quick"]}

    path = critical_path(seconds, upstream)

    assert (path.tasks, path.seconds) == (("load", "slow", "sum"), 8.0)
    assert path.slack == {"load": 0, "quick": 4.0, "slow": 0, "check": 4.5, "sum": 0}


def test_tasks_without_times_are_passed_over() -> None:
    assert critical_path({"b": 1.0}, {"b": ["a"], "c": ["b"]}).tasks == ("b",)
    assert critical_path({}, {}).tasks == ()
    with pytest.raises(CycleError):
        critical_path({"a": 1, "b": 1}, {"a": ["b"], "b": ["a"]})


def test_a_chain_of_thousands_is_no_problem() -> None:
    names = [f"t{number}" for number in range(5000)]
    upstream = {name: [before] for before, name in pairwise(names)}

    assert critical_path(dict.fromkeys(names, 1.0), upstream).tasks == tuple(names)


def test_parallelism_counts_what_runs_at_once() -> None:
    busy = Parallelism.of([(0, 4), (1, 3), (3, 4), (6, 7), (2, 2)])

    assert (busy.greatest, busy.average) == (2, 8 / 5)
    assert busy.seconds_at_most_parallel([(2.5, 6.5), (0, 1.5)]) == 2.0
    assert (Parallelism.of([]).greatest, Parallelism.of([]).average) == (0, 0)


def reported(*attempts: Attempt, now: float = 99.0) -> list[tuple[str, float, float]]:
    return [(phase.word, phase.start, phase.end) for phase in phases(attempts, now)]


def test_an_attempt_is_split_at_what_databricks_says() -> None:
    attempt = Attempt(10, 20, 11, queue_seconds=1, setup_seconds=2, execution_seconds=4, total_seconds=7)

    assert reported(attempt) == [
        ("own", 10, 11),
        ("queue", 11, 12),
        ("setup", 12, 14),
        ("execution", 14, 18),
        ("own", 18, 20),
    ]


def test_the_wait_between_two_attempts_is_our_own() -> None:
    first, second = Attempt(0, 2, 0, execution_seconds=2), Attempt(5, 6, 5, execution_seconds=1)

    assert reported(first, second) == [("execution", 0, 2), ("own", 2, 5), ("execution", 5, 6)]


def test_what_a_run_taken_over_had_done_before_is_left_out() -> None:
    taken = Attempt(100, 104, 101, queue_seconds=5, setup_seconds=60, execution_seconds=30, total_seconds=95)

    assert reported(taken) == [("own", 100, 101), ("execution", 101, 104)]


def test_what_databricks_does_not_tell_is_execution() -> None:
    assert reported(Attempt(0, 4, 1, total_seconds=2)) == [("own", 0, 1), ("execution", 1, 3), ("own", 3, 4)]
    assert reported(Attempt(0, 4, 1)) == [("own", 0, 1), ("execution", 1, 4)]  # cancelled: no times
    assert reported(Attempt(0, None, 1), now=9) == [("own", 0, 1), ("execution", 1, 9)]  # active
    assert reported(Attempt(0, 4)) == [("execution", 0, 4)]  # a step of Python
    assert reported(Attempt(3, 3)) == []
