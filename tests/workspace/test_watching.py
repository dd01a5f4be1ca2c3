"""The watcher's figures on a simulated clock: calls a run costs, and how late its end is seen."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
import requests

from dara_dagster.errors import RunGoneError, RunLostError
from dara_dagster.workspace.calls import TryLater
from dara_dagster.workspace.watch.poll_interval import spacing
from tests.workspace.simulated import Simulation, one_run

TEN_MINUTES = 600.0
SOON = 1e-3  # the clock of the simulation moves in steps of a microsecond at least


def every_duration() -> list[float]:
    dice = random.Random(5)
    return [dice.uniform(0.1, 20) for _ in range(60)] + [dice.uniform(20, 3000) for _ in range(60)]


def test_without_history_the_end_is_seen_within_a_tenth_of_the_age() -> None:
    for duration in every_duration():
        _, late = one_run(duration)
        assert 0 <= late <= min(max(0.1 * duration, 0.5), 10.0) + SOON, duration


def test_without_history_ten_minutes_cost_at_most_95_calls() -> None:
    calls, _ = one_run(TEN_MINUTES)
    assert calls <= 95


def test_looks_are_never_closer_than_a_quarter_of_a_second() -> None:
    for usual in ((), (TEN_MINUTES,), (5.0, 7.0)):
        simulation = Simulation()
        run_id = simulation.start(700.0, usual)
        simulation.run()
        looks = simulation.looks_at[run_id]
        assert min(later - sooner for sooner, later in itertools.pairwise(looks)) >= 0.25 - SOON
        assert looks[0] <= 2.0 + SOON


@pytest.mark.parametrize("usual", [(600.0,), (590.0, 600.0, 612.0), (592.0, 600.0, 600.0, 601.0, 608.0)])
def test_with_history_ten_minutes_cost_at_most_30_calls(usual: tuple[float, ...]) -> None:
    for duration in (596.0, 598.0, 600.0, 602.0, 604.0):
        calls, late = one_run(duration, usual)
        assert calls <= 30 and late <= 3.0 + SOON, (duration, calls, late)


def test_a_run_that_lasts_longer_than_usual_is_seen_as_soon_as_without_history() -> None:
    for usual in (5.0, 60.0, TEN_MINUTES, 7200.0):
        for share in (0.9, 0.93, 0.97, 1.0, 1.03, 1.1, 1.2, 1.5, 3.0):
            duration = usual * share
            _, late = one_run(duration, (usual,))
            assert late <= min(max(0.1 * duration, 0.5), 10.0) + SOON, (usual, share)


def test_an_early_end_is_seen_within_a_tenth_of_the_usual_time_and_a_minute() -> None:
    for usual in (5.0, 60.0, TEN_MINUTES, 7200.0):
        for duration in [duration for duration in every_duration() if duration < 0.9 * usual]:
            _, late = one_run(duration, (usual,))
            plain = min(max(0.1 * duration, 0.5), 10.0)
            assert late <= max(plain, min(max(0.6 * duration, 2.0), 0.1 * usual, 60.0)) + SOON, (
                usual,
                duration,
            )


def test_the_promise_without_history_alone_costs_more_than_30_looks() -> None:
    """Why an early end may be seen later with history: a poll at t can vouch for t + bound at most."""
    age, looks = 0.0, 0
    while age < 0.8 * TEN_MINUTES:
        # the latest next look that keeps the bound for every end in between: t' - T <= min(max(T/10, .5), 10)
        age += min(max(0.1 * age, 0.5), 10.0)
        looks += 1
    assert looks > 60


def test_a_run_taken_over_late_is_checked_closely_when_its_end_is_near() -> None:
    for watched in (0.0, 5.0, 20.0, 60.0, 100.0):
        plain = spacing(watched)
        assert spacing(watched, (600.0,), head_start=600.0 - watched) <= min(plain, 3.0)
        assert spacing(watched, (600.0,), head_start=100_000.0) == plain, "whatever a wrong clock says"


def test_min_interval_holds_with_and_without_history() -> None:
    for usual in ((), (10.0,)):
        assert all(spacing(age, usual, 7.0) >= 7.0 for age in (0.0, 1.0, 9.0, 10.0, 1000.0))


@pytest.mark.parametrize("foreign", [0, 200])
def test_300_runs_in_parallel_cost_at_most_20_calls_each(foreign: int) -> None:
    simulation = Simulation(foreign_runs=foreign)
    dice = random.Random(3)
    for _ in range(300):
        simulation.start(TEN_MINUTES + dice.uniform(-20, 20))
        simulation.run(until=simulation.now + 0.1)  # they are submitted in sequence
    simulation.run()
    assert simulation.calls / 300 <= 20
    assert max(map(simulation.lateness, simulation.ends)) <= 10.0 + 16.0  # 300 last looks at 20 a second


def test_the_budget_holds_whatever_is_due() -> None:
    simulation = Simulation(calls_per_second=5.0)
    for _ in range(300):
        simulation.start(60.0)
    began = simulation.now
    simulation.run(until=began + 60)
    assert simulation.calls <= 5.0 * 61 + 5


def test_a_failed_look_never_ends_the_watch() -> None:
    dice = random.Random(9)

    def fault(now: float) -> None:
        if dice.random() < 0.5:
            raise dice.choice([requests.ConnectionError("lost"), ValueError("no JSON"), TimeoutError("slow")])

    simulation = Simulation(fault=fault)
    for _ in range(40):
        simulation.start(300.0)
    simulation.run()
    assert len(simulation.seen) == 40


def test_silence_ends_the_watch_and_an_answer_starts_it_anew() -> None:
    def fault(now: float) -> None:
        if 1100 < now < 1150 or now > 1400:
            raise requests.ConnectionError("lost")

    simulation = Simulation(lost_after=60.0, fault=fault)
    run_id = simulation.start(100_000.0)
    simulation.run()
    news: list[Any] = []
    while not simulation.watches[run_id].inbox.empty():
        news.append(simulation.watches[run_id].inbox.get())
    assert len(news) == 2 and isinstance(news[-1], RunLostError)
    assert "run 1" in str(news[-1]) and 1460 <= simulation.now <= 1480


def test_a_process_that_slept_for_hours_listens_before_it_gives_up() -> None:
    simulation = Simulation(lost_after=60.0)
    run_id = simulation.start(20_000.0)
    simulation.run(until=1200)
    failing = iter([True])

    def fault(now: float) -> None:
        if next(failing, False):
            raise requests.ConnectionError("lost")

    simulation.fault = fault
    simulation.now += 15_000
    simulation.run()
    assert simulation.lateness(run_id) <= 10.0 + SOON


def test_a_run_that_is_gone_twice_is_gone() -> None:
    def fault(now: float) -> None:
        raise RunGoneError("Run 1 does not exist")

    simulation = Simulation(fault=fault)
    run_id = simulation.start(100.0)
    simulation.run()
    assert isinstance(simulation.watches[run_id].inbox.get_nowait(), RunGoneError) and simulation.calls == 2


def test_a_run_is_gone_only_when_two_looks_say_so_some_time_apart() -> None:
    lost, gone = requests.ConnectionError("lost"), RunGoneError("Run 1 does not exist")

    def outcome(*faults: Exception | None) -> tuple[Any, float]:
        waiting = iter(faults)

        def fault(now: float) -> None:
            if (error := next(waiting, None)) is not None:
                raise error

        simulation = Simulation(fault=fault)
        watch = simulation.watches[simulation.start(20.0)]
        began = simulation.now
        simulation.run()
        news = [watch.inbox.get() for _ in range(watch.inbox.qsize())]
        return news[-1], simulation.now - began

    assert outcome(lost, gone)[0].outcome is not None, 'one fault and one "gone"'
    assert outcome(gone, None, gone)[0].outcome is not None, "seen in between"
    last, seconds = outcome(gone, lost, gone)
    assert last is gone and seconds > 3.0, "a run just made may not be known everywhere at once"


def test_an_hour_asked_for_by_mistake_is_not_waited_for() -> None:
    class Maintenance(Exception):
        retry_after_secs = 86_400

    failing = iter([True])

    def fault(now: float) -> None:
        if next(failing, False):
            raise TryLater(Maintenance())

    simulation = Simulation(fault=fault)
    run_id = simulation.start(100.0)
    simulation.run()
    assert simulation.lateness(run_id) <= 300.0


def test_a_list_that_costs_more_than_it_saves_is_given_up_and_tried_again_later() -> None:
    crowded = Simulation(foreign_runs=2000)  # 80 pages
    for _ in range(60):
        crowded.start(TEN_MINUTES)
    crowded.run()
    alone = sum(one_run(TEN_MINUTES)[0] for _ in range(60))
    assert crowded.calls <= 1.3 * alone
    assert max(map(crowded.lateness, crowded.ends)) <= 10.0 + 6.0  # 60 last looks at 10 to 20 a second
    crowded.foreign_runs, before = 0, crowded.calls
    for _ in range(60):
        crowded.start(TEN_MINUTES)
    crowded.run()
    assert crowded.calls - before < alone / 4, "the workspace is quiet again, and lists pay"


def test_nothing_is_kept_and_nobody_is_asked_when_nobody_waits() -> None:
    simulation = Simulation(foreign_runs=100, latency=0.3)
    for _ in range(100):
        simulation.start(500.0)
    simulation.run(until=simulation.now + 0.25)
    simulation.monitor.pump()
    assert simulation.monitor._poll_queue._listing is not None and simulation.monitor._under_way == 1
    for watch in simulation.watches.values():
        simulation.monitor._dismiss(watch)
    calls = simulation.calls
    simulation.run()
    assert simulation.calls == calls + 1, "no more than the page that was under way"
    assert simulation.monitor.pump() is None and len(simulation.monitor._poll_queue) == 0
    assert not simulation.monitor._limits and not any(simulation.monitor.rate_limiter._queues.values())


@pytest.mark.parametrize("latency", [0.0, 0.4])
def test_submitters_and_the_watcher_share_the_calls_evenly_and_neither_starves(latency: float) -> None:
    simulation = Simulation(submitters=40, latency=latency, run_type="JOB_RUN")  # so lists are no help
    for _ in range(300):
        simulation.start(1000.0)
    began = simulation.now
    simulation.run(until=began + 120)
    total = simulation.calls + len(simulation.submitted)
    assert 20 * 120 - 20 <= total <= 20 * 120 + 10
    assert 0.45 <= len(simulation.submitted) / total <= 0.6
    assert max(later - sooner for sooner, later in itertools.pairwise(simulation.submitted)) < 0.5


def test_too_many_requests_slow_the_watcher_down_and_it_recovers_slowly() -> None:
    class TooMany(Exception):
        retry_after_secs = 5

    simulation = Simulation()

    def fault(now: float) -> None:
        if now < 1010:
            error = TryLater(TooMany())
            error.throttled = True
            raise error

    simulation.fault = fault
    for _ in range(100):
        simulation.start(400.0)
    simulation.run(until=1004.9)
    assert simulation.calls <= 2, "nobody calls before Retry-After"
    simulation.run(until=1011)
    slowed = simulation.monitor.rate_limiter.rate(simulation.now)
    assert slowed < 14.0
    simulation.run()
    assert len(simulation.seen) == 100 and simulation.monitor.rate_limiter.rate(simulation.now + 200) == 20.0
