"""Overlapping runs leave the garbage collector as it was."""

from __future__ import annotations

import gc

from dara_dagster.executor.gc_tuning import tuned_gc


def test_runs_that_overlap_in_any_order_leave_the_thresholds_as_they_were() -> None:
    before = gc.get_threshold()
    first, second = tuned_gc(), tuned_gc()
    first.__enter__()
    inside = gc.get_threshold()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == inside != before, "one run is still active"
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
