"""Lifecycles as data: which state follows which, and after how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dara_dagster.emulator.core.clock import Clock, Timer


class Progress:
    """A thing on its way through a lifecycle; `cancel()` leaves it where it is."""

    def __init__(self) -> None:
        self.timer: Timer | None = None

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


@dataclass(frozen=True)
class Lifecycle:
    """`steps` maps a passing state to (the state that follows, seconds until then); `speed` 2.0 halves them.

    A state that is not in `steps` is at rest.
    """

    steps: Mapping[str, tuple[str, float]]
    speed: float = 1.0

    def follow(self, clock: Clock, state: str, moved: Callable[[str], None]) -> Progress:
        """Advance from `state` by itself, calling `moved(new_state)` at each step, until a state at rest."""
        progress = Progress()

        def plan(current: str) -> None:
            if current in self.steps:
                following, seconds = self.steps[current]
                progress.timer = clock.call_later(seconds / self.speed, lambda: step(following))

        def step(following: str) -> None:
            plan(following)  # first, so that `moved` may cancel what comes after
            moved(following)

        plan(state)
        return progress
