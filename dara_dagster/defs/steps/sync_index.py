"""The step `sync_index`."""

from __future__ import annotations

from dara_dagster.config.dialects import step_models
from dara_dagster.defs.steps.built_in import BuiltIn, full_name
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.executor.stop import stop_event
from dara_dagster.workspace.resources.vector_search import IndexSync, NewIndex


class SyncIndex(BuiltIn[step_models.SyncIndex]):
    """Brings a Vector Search index up to date with its table and leaves `index` and `rows`."""

    name = "sync_index"

    def execute(self, context: StepContext) -> StepContext:
        """Sync the index, or make it with `create` where it is not there, and wait until that is done."""
        settings, tools = self.settings, context.tools
        session = tools.session
        index = full_name(str(context.fill(settings.index)), session.plan)
        new = None
        if settings.create is not None:
            create = context.fill(settings.create.model_dump())
            new = NewIndex(**{**create, "source_table": full_name(create["source_table"], session.plan)})
        sync = IndexSync(
            session.workspace,
            session.monitor,
            index,
            stop=stop_event(tools.dagster.run_id),
            timeout_seconds=settings.timeout_seconds,
            poll_seconds=settings.poll_seconds,
            progress=tools.dagster.log.info,
        )
        return context.leave(self.name, index=index, rows=sync.run(new))
