"""Decides whether a failed attempt is followed by another, and after which delay."""

from __future__ import annotations

import sys

from dagster import Failure, RetryRequested

from dara_dagster.remote.outcome import Retry
from dara_dagster.spec.plan import TaskPlan

__all__ = ["fail_or_retry"]

# What the platform broke is tried again even where the task asks for no retries of its own.
_PLATFORM_RETRIES = 2
_PLATFORM_DELAY_SECONDS = 10.0
_LONGEST_DELAY_SECONDS = 300.0
_ENDLESS = sys.maxsize  # `max_retries: -1`, as in the Jobs API


def fail_or_retry(task: TaskPlan, done: int, failure: Failure, retry: Retry) -> Failure | RetryRequested:
    """Return the failure, or Dagster's request for another attempt where that may help and is allowed.

    `done` is how many retries the step has had in this run. Dagster's RetryPolicy is not used: it would also
    repeat a step whose run is being terminated (dagster/_core/execution/plan/utils.py,
    op_execution_error_boundary).
    """
    most = task.max_retries if task.max_retries >= 0 else _ENDLESS
    if retry == "backoff":
        most = max(most, _PLATFORM_RETRIES)
    if retry == "never" or done >= most:
        failure.allow_retries = False
        return failure
    delay = task.retry_delay_seconds
    if retry == "backoff":
        delay = min((delay or _PLATFORM_DELAY_SECONDS) * 2 ** min(done, 10), _LONGEST_DELAY_SECONDS)
    request = RetryRequested(max_retries=most, seconds_to_wait=delay)
    request.__cause__ = failure
    return request
