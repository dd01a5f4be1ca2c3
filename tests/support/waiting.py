"""How tests wait for something that another process or thread does.

Every wait ends as soon as the thing has happened; the limit only ends a test that would hang, so it is
generous enough for a machine whose cores are shared with twenty other programs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 240.0
"""How long a test waits for what should happen at once. pytest's own time-out is longer."""


def until(
    condition: Callable[[], Any],
    what: object = "it",
    *,
    pause: float = 0.03,
    patience: float = PATIENCE,
) -> Any:
    """Return the first true value of `condition`, called every `pause` seconds.

    Raises AssertionError that names `what` (called first when it can be, so that it may show a log).
    """
    deadline = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > deadline:
            shown = what() if callable(what) else what
            raise AssertionError(f"did not happen within {patience:g} s: {shown}")
        time.sleep(pause)
    return found
