"""The step `run_sql`."""

from __future__ import annotations

from typing import Any

from dara_dagster.config.dialects import step_models
from dara_dagster.config.plan import ComputePlan, Plan
from dara_dagster.config.sql_placeholders import CannotBind, bind_placeholders
from dara_dagster.defs.steps.built_in import BuiltIn, filled
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.errors import DaraError
from dara_dagster.executor.stop import stop_event
from dara_dagster.workspace.sql import run_statement


class RunSql(BuiltIn[step_models.RunSql]):
    """Runs one SQL statement on a warehouse and leaves `rows` (at most 100) and `value` (the first cell)."""

    name = "run_sql"

    def execute(self, context: StepContext) -> StepContext:
        """Run the statement, which is cancelled at the timeout and when the Dagster run is terminated.

        Values of the context go along as parameters. Raises DaraError where that cannot be.
        """
        settings, session = self.settings, context.tools.session
        try:
            bound = bind_placeholders(settings.statement, settings.parameters)
        except CannotBind as error:
            raise DaraError(f"the statement cannot be run: {error}") from None
        own: dict[str, Any] = {**filled(context, settings.parameters)}
        rows = run_statement(
            session.workspace,
            session.monitor,
            session.compute_id(self._warehouse(session.plan)),
            bound.text,
            own | {marker: context.get(name) for marker, name in bound.names.items()},
            catalog=session.plan.catalog,
            schema=session.plan.schema,
            timeout_seconds=settings.timeout_seconds,
            stop=stop_event(context.tools.dagster.run_id),
        )
        return context.leave(self.name, rows=rows, value=rows[0][0] if rows and rows[0] else None)

    def _warehouse(self, plan: Plan) -> ComputePlan:
        name = self.settings.warehouse_name
        if name not in plan.warehouses:
            known = ", ".join(plan.warehouses) or "none"
            raise DaraError(f"there is no warehouse {name!r}; the project has {known}")
        return plan.warehouses[name]
