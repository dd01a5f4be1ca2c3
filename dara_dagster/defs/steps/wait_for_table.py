"""The step `wait_for_table`."""

from __future__ import annotations

import math
import time
from functools import partial

from dara_dagster.config.dialects import step_models
from dara_dagster.defs.steps.built_in import BuiltIn, full_name
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.errors import DaraError
from dara_dagster.executor.stop import stop_event
from dara_dagster.workspace.rate_limited import Stopped
from dara_dagster.workspace.sql import table_exists


class WaitForTable(BuiltIn[step_models.WaitForTable]):
    """Waits until a table exists and leaves its name as `table`."""

    name = "wait_for_table"

    def execute(self, context: StepContext) -> StepContext:
        """Look every `poll_seconds`; fails after `timeout_seconds` (0: never)."""
        limit = self.settings.timeout_seconds
        stop, session = stop_event(context.tools.dagster.run_id), context.tools.session
        table = str(context.fill(self.settings.table))
        look = partial(table_exists, session.workspace, full_name(table, session.plan))
        deadline = time.monotonic() + limit if limit else math.inf
        while not session.monitor.call(look, stop=stop):
            left = deadline - time.monotonic()
            if left <= 0:
                raise DaraError(f"the table {table} is not there after {limit} s (timeout_seconds)")
            if stop.wait(min(self.settings.poll_seconds, left)):
                raise Stopped(f"Waiting for the table {table} was stopped")
        return context.leave(self.name, table=table)
