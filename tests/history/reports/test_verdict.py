"""The faster side is named only where the rounds leave no doubt; set-up is counted apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dara_dagster.history.comparison import compare
from dara_dagster.history.pages.report import comparison_page
from dara_dagster.history.report import RunReport
from dara_dagster.history.verdict import Verdict, verdicts
from tests.history.reports.made_up import attempt, report, task

MODES = ("parallel", "sequential")


def runs(*seconds: float, setup: Sequence[float] = ()) -> list[RunReport]:
    """A run of one task for each of the times, of which `setup` seconds were set-up."""
    found = []
    for number, (took, cold) in enumerate(zip(seconds, setup or [0.0] * len(seconds), strict=True)):
        parts = attempt(0, took, 0, setup_seconds=cold, execution_seconds=took - cold)
        found.append(replace(report(task("a", 0, took, parts)), run_id=f"{number}{took}"))
    return found


def judged(first: Sequence[RunReport], second: Sequence[RunReport]) -> tuple[Verdict, ...]:
    return verdicts(first, second, MODES)


def test_the_faster_side_is_named_where_the_rounds_agree() -> None:
    whole, ready = judged(runs(4.4, 4.5, 4.6), runs(6.0, 6.1, 6.2))

    assert (whole.faster, whole.reason, whole.difference, whole.margin) == ("parallel", "faster", 1.6, 0.0)
    assert (
        whole.text == "Parallel was 1.36 times as fast as sequential: 4.5 s against 6.1 s "
        "(medians of 3 rounds; difference 1.6 s ± 0.0 s)."
    )
    assert ready.text.startswith("Without queue and set-up: parallel was 1.36 times as fast as sequential:")
    assert judged(runs(6, 6.1, 6), runs(4, 4, 4.1))[0].faster == "sequential"
    assert "parallel was faster than" in judged(runs(0, 0, 0), runs(1, 1, 1))[1].text


def test_no_winner_is_named_inside_the_noise() -> None:
    whole, ready = judged(runs(4, 5, 6), runs(5, 7, 5.5))

    assert (whole.faster, whole.reason, ready.reason) == (None, "noise", "noise")
    assert whole.margin == pytest.approx(4.303 * 1.258 / 3**0.5, abs=0.01)
    assert whole.text == (
        "Parallel took 5.0 s, sequential 5.5 s (medians of 3 rounds); the difference of 0.8 s ± 3.1 s is "
        "within the noise: no winner."
    )


def test_more_rounds_find_a_difference_that_few_do_not() -> None:
    first, second = (5.0, 5.4, 5.2), (5.3, 5.5, 5.6)

    assert judged(runs(*first), runs(*second))[0].reason == "noise"
    assert judged(runs(*first * 3), runs(*second * 3))[0].faster == "parallel"


def test_an_outlier_names_no_winner_against_the_medians() -> None:
    (whole, _) = judged(runs(5.0, 5.0, 5.0, 5.0), runs(4.9, 4.9, 4.9, 60))

    assert whole.faster is None and whole.reason == "noise"


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_rounds_name_no_winner(count: int) -> None:
    whole, ready = judged(runs(*[4.0] * count), runs(*[8.0] * count))

    assert (whole.faster, whole.reason, whole.margin, ready.reason) == (None, "rounds", None, "rounds")
    few = "one run each is" if count == 1 else "2 runs each are"
    assert whole.text == f"Parallel took 4.0 s, sequential 8.0 s; {few} too few to name a winner."


def test_times_that_are_nearly_equal_are_called_equal() -> None:
    (whole, _) = judged(runs(100, 100, 100), runs(100.5, 100.5, 100.6))

    assert (whole.reason, whole.faster) == ("alike", None)
    assert whole.text.startswith("Parallel took as long as sequential: 1 min 40 s (medians of 3 rounds;")


def test_a_side_that_ran_cold_is_not_called_slower() -> None:
    """The parallel runs came first and found no compute: by the clock alone they would have lost."""
    cold = runs(9.0, 9.1, 9.2, setup=[5, 5, 5])
    warm = runs(6.0, 6.1, 6.2, setup=[0, 0, 0])

    whole, ready = judged(cold, warm)

    assert (whole.faster, whole.reason) == (None, "set-up")
    assert whole.text == (
        "Parallel took 9.1 s, sequential 6.1 s (medians of 3 rounds), but queue and set-up differ by 5.0 s, "
        "more than the runs do (3.0 s)."
    )
    assert (ready.first, ready.second, ready.faster) == (4.1, 6.1, "parallel")
    assert ready.text.startswith("Without queue and set-up: parallel was 1.49 times as fast")


def test_one_cold_run_is_found_to_be_cold() -> None:
    (whole, ready) = judged(runs(9, setup=[5]), runs(6))

    assert (whole.reason, ready.reason) == ("set-up", "rounds")
    assert "medians" not in whole.text


def test_a_little_more_set_up_does_not_hide_a_winner() -> None:
    whole, _ = judged(runs(4, 4, 4, setup=[0.5] * 3), runs(6, 6, 6, setup=[1] * 3))

    assert whole.faster == "parallel"


def test_a_failed_run_makes_no_claim_about_speed() -> None:
    failed = replace(runs(1)[0], state="failed")

    (only,) = judged(runs(1), [failed])

    assert only.text == "Parallel took 1.0 s, sequential 1.0 s; not all of it succeeded."
    assert (only.faster, only.reason) == (None, "failed")


def test_set_up_beside_the_critical_path_takes_nothing_off_the_run() -> None:
    load = task("load", 0, 2, attempt(0, 2, 0, execution_seconds=2))
    cold = task("cold", 2, 5, attempt(2, 5, 2, queue_seconds=1, setup_seconds=1.5, execution_seconds=0.5))
    long = task("long", 2, 6, attempt(2, 6, 2, setup_seconds=3, execution_seconds=1))

    found = report(load, cold, long, upstream={"cold": ["load"], "long": ["load"]})

    assert (found.seconds, found.critical_seconds) == (6, 6)
    assert found.without_setup_seconds == 3  # 2 s of load and 1 s of long, which is still the longer one


def test_the_rounds_are_shown_one_by_one_with_what_began() -> None:
    first, second = runs(4, 4.5, 4.2), runs(6, 6.5, 6.2)
    second[1] = replace(second[1], start=(first[1].start or 0.0) - 10)

    found = compare(first, second, MODES, warm_up="w" * 36)
    page = comparison_page(found, first[0], second[0])

    assert [each.began for each in found.rounds] == ["parallel", "sequential", "parallel"]
    assert [verdict["faster"] for verdict in found.as_json()["verdicts"]] == ["parallel", "parallel"]
    assert found.as_json()["warm_up"] == "w" * 36
    assert f"Run to warm up, not counted: {'w' * 36}" in page
    assert "<h2>Rounds</h2>" in page and all(verdict.text in page for verdict in found.verdicts)
