"""Makes the garbage collector look less often, and not at what lives as long as the run anyway."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collect_less"]

# Python's default of 700 new objects is less than one event makes. Measured on 1,000 tasks: 15% of all CPU.
_THRESHOLD = (50_000, 20, 100)


@contextmanager
def collect_less() -> Iterator[None]:
    """While open, objects made before (the plan of a large job) are left alone and collections are rare.

    What the process had set is put back. A threshold that is higher already, or off, is kept. From then on
    the process also ends without a last look at everything: that look took a second after 1,000 tasks.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    before = gc.get_threshold()
    if 0 < before[0] < _THRESHOLD[0]:
        gc.set_threshold(*_THRESHOLD)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
