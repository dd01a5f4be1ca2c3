"""The budget on a clock of numbers: turns, order, rate, throttling, recovery."""

from __future__ import annotations

from dara_dagster.workspace.rate_limiter import Budget, Lane


def served(budget: Budget, waiting: dict[int, Lane], until: float, now: float = 0.0) -> list[int]:
    """Let the tickets ask every 10 ms until the time given; returns them in the order in which they went."""
    order: list[int] = []
    while now < until and waiting:
        for ticket, lane in list(waiting.items()):
            if budget.ask(lane, ticket, now) == 0.0:
                order.append(ticket)
                del waiting[ticket]
        now += 0.01
    return order


def drained(rate: float) -> Budget:
    """A budget whose first burst is spent."""
    budget = Budget(rate, 0.0)
    for _ in range(max(1, int(rate * 0.5))):
        assert budget.ask("call", budget.queue("call"), 0.0) == 0.0
    return budget


def test_the_rate_holds_after_the_first_burst() -> None:
    budget = drained(20.0)
    waiting: dict[int, Lane] = {budget.queue("call"): "call" for _ in range(500)}
    assert 198 <= len(served(budget, waiting, until=10.0)) <= 201


def test_submitting_and_watching_take_turns_and_neither_wastes_the_other_s() -> None:
    budget = drained(20.0)
    calls: dict[int, Lane] = {budget.queue("call"): "call" for _ in range(300)}
    watches: dict[int, Lane] = {budget.queue("watch"): "watch" for _ in range(20)}
    lanes = {**calls, **watches}
    order = served(budget, dict(lanes), until=4.0)
    first = [lanes[ticket] for ticket in order[:40]]
    assert 19 <= first.count("watch") <= 20, "every second call while both wait"
    assert {lanes[ticket] for ticket in order[40:]} == {"call"} and len(order) >= 78


def test_first_come_first_served_within_a_lane() -> None:
    budget = drained(50.0)
    waiting: dict[int, Lane] = {budget.queue("call"): "call" for _ in range(60)}
    assert served(budget, dict(reversed(waiting.items())), until=5.0) == sorted(waiting)


def test_who_gives_up_holds_nobody_up() -> None:
    budget = drained(10.0)
    gone, stays = budget.queue("call"), budget.queue("call")
    assert budget.ask("call", stays, 0.2) > 0
    budget.leave("call", gone)
    budget.leave("call", gone)
    assert budget.ask("call", stays, 0.2) == 0.0


def test_the_wait_told_is_about_right() -> None:
    budget = drained(10.0)
    tickets = [budget.queue("call") for _ in range(5)]
    assert [round(budget.ask("call", ticket, 0.0), 2) for ticket in tickets] == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_urgent_calls_go_at_once_and_the_others_pay() -> None:
    budget = drained(10.0)
    for _ in range(3):
        budget.spend(0.0)
    ticket = budget.queue("call")
    assert budget.ask("call", ticket, 0.3) > 0 and budget.ask("call", ticket, 0.41) == 0.0


def test_throttling_pauses_all_slows_down_once_a_burst_and_recovers_slowly() -> None:
    budget = Budget(20.0, 0.0)
    for _ in range(50):
        budget.throttled(1.0, after=4.0)
    slowed = budget.rate(1.0)
    assert 10.0 < slowed < 15.0
    ticket = budget.queue("watch")
    assert budget.ask("watch", ticket, 4.9) > 0 and budget.ask("watch", ticket, 5.1) == 0.0
    assert slowed < budget.rate(10.0) < 20.0 and budget.rate(100.0) == 20.0
    for second in range(100, 400):
        budget.throttled(float(second), after=0.0)
    assert 2.0 <= budget.rate(400.0) < 12.0, "never to a standstill"
