"""Says how a task, a table and a compute look in Dagster: names, tags, descriptions, asset keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dagster import AssetKey, AssetSpec

from dara_dagster.config.plan import ComputePlan, Plan, TaskPlan, WorkflowPlan
from dara_dagster.defs.unique_names import Names, safe_name

__all__ = ["Translator"]

# Settings that identify a compute to its reader and can hold no secret; the rest is never shown.
_SHOWN_SETTINGS = (
    "spark_version",
    "node_type_id",
    "num_workers",
    "autoscale",
    "cluster_size",
    "warehouse_type",
    "min_num_clusters",
    "max_num_clusters",
    "auto_stop_mins",
    "autotermination_minutes",
)


class Translator:
    """What things are called and how they are described in Dagster; subclass it to change that.

    The methods take a plan's record and return a value; two things that get the same name are kept
    apart by a number, so a subclass need not care about that.
    """

    def job_name(self, workflow: WorkflowPlan) -> str:
        """Return the name of a workflow's job; `_sequential` is added for the one that runs its tasks one by
        one."""
        return safe_name(workflow.name)

    def op_name(self, task: TaskPlan) -> str:
        """Return the name of a task's op in the job's graph and in step keys."""
        return safe_name(task.name)

    def op_names(self, workflow: WorkflowPlan) -> Mapping[str, str]:
        """Return task name -> op name in the workflow's graph, each used once."""
        names = Names()
        return {task.name: names.take(self.op_name(task)) for task in workflow.tasks}

    def resource_key(self, compute: ComputePlan) -> str:
        """Return the resource of a cluster or warehouse."""
        return f"{compute.kind}_{safe_name(compute.name)}"

    def resource_keys(self, plan: Plan) -> Mapping[tuple[str, str], str]:
        """Return (kind, name) of every compute of the plan -> its resource key, each used once."""
        names = Names()
        computes = (*plan.clusters.values(), *plan.warehouses.values())
        return {(c.kind, c.name): names.take(self.resource_key(c)) for c in computes}

    def compute_description(self, compute: ComputePlan) -> str:
        """Name and size of a compute; settings that could hold a secret are left out."""
        shown = (f"{key}: {compute.settings[key]}" for key in _SHOWN_SETTINGS if key in compute.settings)
        return "\n".join(
            [f"The Databricks {compute.kind} {compute.name!r}.", *(f"- {line}" for line in shown)]
        )

    def op_tags(self, task: TaskPlan) -> Mapping[str, str]:
        """Return the tags of the op: the kind Dagster shows, where the task comes from and runs, and the
        user's own."""
        tags = {"dagster/compute_kind": "databricks", "dara/task": task.name, "dara/kind": task.kind}
        if task.compute is not None:
            tags[f"dara/{task.compute.kind}"] = task.compute.name
        elif task.file is not None:
            tags["dara/compute"] = "serverless"
        if task.entry.run_if != "ALL_SUCCESS":
            tags["dara/run_if"] = task.entry.run_if
        return {**tags, **task.entry.tags}

    def op_description(self, task: TaskPlan) -> str:
        """Return the user's description, or what runs where in a sentence."""
        if task.entry.description:
            return task.entry.description
        what = f"`{task.file.name}`" if task.file else f"{task.kind.replace('_', ' ')} task {task.name!r}"
        where = f"the {task.compute.kind} {task.compute.name!r}" if task.compute else "serverless compute"
        return f"Runs {what} on {where}." if task.file else f"Runs {what}."

    def asset_key(self, table: str) -> AssetKey:
        """Return the key `catalog/schema/table` of `catalog.schema.table`, without back-quotes and capitals.

        So two spellings of a table are one asset, and two tables never are: Unity Catalog keeps all names in
        lower case, and a part of a key may have every character that a part of a table's name may have.
        """
        return AssetKey([part.strip("`").lower() for part in table.split(".")])

    def asset_spec(
        self, workflow: WorkflowPlan, task: TaskPlan, table: str, upstream: Iterable[str]
    ) -> AssetSpec:
        """Return the asset of a table a task writes; `upstream` are the tables of the tasks above it."""
        return AssetSpec(
            self.asset_key(table),
            deps=[self.asset_key(name) for name in upstream],
            description=self.op_description(task),
            group_name=task.entry.group or self.job_name(workflow),
            owners=task.entry.owners,
            code_version=task.content_hash or None,
            kinds={"databricks", "table"},
            tags={"dara/workflow": safe_name(workflow.name), "dara/task": safe_name(task.name)},
            metadata={"dagster/table_name": table.replace("`", "")},
        )
