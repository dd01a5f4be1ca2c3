"""Decides whether a failed attempt is followed by another, and after which delay."""

from __future__ import annotations

import sys

from dagster import Failure, RetryRequested

from dara_dagster.config.plan import TaskPlan
from dara_dagster.config.settings import Settings
from dara_dagster.workspace.runs.outcome import Retry

__all__ = ["fail_or_retry"]

_ENDLESS = sys.maxsize  # `max_retries: -1`, as in the Jobs API


def fail_or_retry(
    task: TaskPlan, done: int, failure: Failure, retry: Retry, settings: Settings
) -> Failure | RetryRequested:
    """Return the failure, or Dagster's request for another attempt where that may help and is allowed.

    `done` is how many retries the step has had in this run. What the platform broke is tried again even
    where the task asks for no retries of its own. Dagster's RetryPolicy is not used: it would also
    repeat a step whose run is being terminated (dagster/_core/execution/plan/utils.py,
    op_execution_error_boundary).
    """
    most = task.entry.max_retries if task.entry.max_retries >= 0 else _ENDLESS
    if retry == "backoff":
        most = max(most, settings.platform_retries)
    if retry == "never" or done >= most:
        failure.allow_retries = False
        return failure
    delay = task.entry.retry_delay_seconds
    if retry == "backoff":
        delay = (delay or settings.platform_retry_seconds) * 2 ** min(done, 10)
        delay = min(delay, settings.platform_retry_longest_seconds)
    request = RetryRequested(max_retries=most, seconds_to_wait=delay)
    request.__cause__ = failure
    return request
