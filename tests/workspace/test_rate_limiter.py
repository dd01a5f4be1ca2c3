"""The budget on a clock of numbers: turns, order, rate, throttling, recovery."""

from __future__ import annotations

from dara_dagster.workspace.rate_limiter import CallKind, RateLimiter


def served(
    rate_limiter: RateLimiter, waiting: dict[int, CallKind], until: float, now: float = 0.0
) -> list[int]:
    """Let the tickets ask every 10 ms until the time given; returns them in the order in which they went."""
    order: list[int] = []
    while now < until and waiting:
        for ticket, kind in list(waiting.items()):
            if rate_limiter.ask(kind, ticket, now) == 0.0:
                order.append(ticket)
                del waiting[ticket]
        now += 0.01
    return order


def drained(rate: float) -> RateLimiter:
    """A budget whose first burst is spent."""
    rate_limiter = RateLimiter(rate, 0.0)
    for _ in range(max(1, int(rate * 0.5))):
        assert rate_limiter.ask("call", rate_limiter.queue("call"), 0.0) == 0.0
    return rate_limiter


def test_the_rate_holds_after_the_first_burst() -> None:
    rate_limiter = drained(20.0)
    waiting: dict[int, CallKind] = {rate_limiter.queue("call"): "call" for _ in range(500)}
    assert 198 <= len(served(rate_limiter, waiting, until=10.0)) <= 201


def test_submitting_and_watching_take_turns_and_neither_wastes_the_other_s() -> None:
    rate_limiter = drained(20.0)
    calls: dict[int, CallKind] = {rate_limiter.queue("call"): "call" for _ in range(300)}
    watches: dict[int, CallKind] = {rate_limiter.queue("watch"): "watch" for _ in range(20)}
    kinds = {**calls, **watches}
    order = served(rate_limiter, dict(kinds), until=4.0)
    first = [kinds[ticket] for ticket in order[:40]]
    assert 19 <= first.count("watch") <= 20, "every second call while both wait"
    assert {kinds[ticket] for ticket in order[40:]} == {"call"} and len(order) >= 78


def test_first_come_first_served_within_a_lane() -> None:
    rate_limiter = drained(50.0)
    waiting: dict[int, CallKind] = {rate_limiter.queue("call"): "call" for _ in range(60)}
    assert served(rate_limiter, dict(reversed(waiting.items())), until=5.0) == sorted(waiting)


def test_who_gives_up_holds_nobody_up() -> None:
    rate_limiter = drained(10.0)
    gone, stays = rate_limiter.queue("call"), rate_limiter.queue("call")
    assert rate_limiter.ask("call", stays, 0.2) > 0
    rate_limiter.leave("call", gone)
    rate_limiter.leave("call", gone)
    assert rate_limiter.ask("call", stays, 0.2) == 0.0


def test_the_wait_announced_is_about_right() -> None:
    rate_limiter = drained(10.0)
    tickets = [rate_limiter.queue("call") for _ in range(5)]
    assert [round(rate_limiter.ask("call", ticket, 0.0), 2) for ticket in tickets] == [
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
    ]


def test_urgent_calls_go_at_once_and_the_others_pay() -> None:
    rate_limiter = drained(10.0)
    for _ in range(3):
        rate_limiter.take(0.0)
    ticket = rate_limiter.queue("call")
    assert rate_limiter.ask("call", ticket, 0.3) > 0 and rate_limiter.ask("call", ticket, 0.41) == 0.0


def test_throttling_pauses_all_slows_down_once_a_burst_and_recovers_slowly() -> None:
    rate_limiter = RateLimiter(20.0, 0.0)
    for _ in range(50):
        rate_limiter.throttled(1.0, after=4.0)
    slowed = rate_limiter.rate(1.0)
    assert 10.0 < slowed < 15.0
    ticket = rate_limiter.queue("watch")
    assert rate_limiter.ask("watch", ticket, 4.9) > 0 and rate_limiter.ask("watch", ticket, 5.1) == 0.0
    assert slowed < rate_limiter.rate(10.0) < 20.0 and rate_limiter.rate(100.0) == 20.0
    for second in range(100, 400):
        rate_limiter.throttled(float(second), after=0.0)
    assert 2.0 <= rate_limiter.rate(400.0) < 12.0, "never to a standstill"
