"""Clock and lifecycles by themselves."""

from __future__ import annotations

import pytest

from dara_dagster.emulator.core.clock import Clock
from dara_dagster.emulator.core.lifecycle import Lifecycle


def test_timers_fire_in_order_at_their_own_moment() -> None:
    clock, seen = Clock(), list[tuple[str, int]]()
    began = clock.now_ms()
    clock.call_later(2, lambda: seen.append(("second", clock.now_ms() - began)))
    clock.call_later(1, lambda: clock.call_later(0.5, lambda: seen.append(("first", clock.now_ms() - began))))
    never = clock.call_later(1, lambda: seen.append(("never", 0)))
    never.cancel()
    clock.advance(3_000)
    assert [name for name, _ in seen] == ["first", "second"]
    assert seen[0][1] in range(1_499, 1_600)
    assert seen[1][1] in range(1_999, 2_100)
    assert clock.now_ms() - began >= 3_000


def test_the_clock_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.now_ms()
    monkeypatch.setattr("time.time", lambda: before / 1000 - 3600)
    assert clock.now_ms() >= before
    monkeypatch.setattr("time.time", lambda: before / 1000 - 3599)
    assert clock.now_ms() >= before + 999


def test_a_lifecycle_continues_by_itself_and_can_be_halted() -> None:
    clock, seen = Clock(), list[str]()
    lifecycle = Lifecycle({"PENDING": ("RUNNING", 1.0), "TERMINATING": ("TERMINATED", 1.0)}, speed=2.0)
    lifecycle.follow(clock, "PENDING", seen.append)
    clock.advance(499)
    assert seen == []
    clock.advance(2)
    assert seen == ["RUNNING"]
    lifecycle.follow(clock, "TERMINATING", seen.append).cancel()
    clock.advance(5_000)
    assert seen == ["RUNNING"]
