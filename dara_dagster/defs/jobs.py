"""Turns every workflow of the plan into two jobs: by its dependencies, and one task after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dagster import ExecutorDefinition, Field, Int, JobDefinition, Permissive, ResourceDefinition

from dara_dagster.defs.graphs import Graphs
from dara_dagster.defs.names import Names
from dara_dagster.defs.translator import Translator
from dara_dagster.engine.executor import dara_executor
from dara_dagster.spec.plan import Plan, WorkflowPlan

__all__ = ["SEQUENTIAL", "build_jobs", "executor_for", "job_names", "run_tags"]

SEQUENTIAL = "_sequential"


def job_names(plan: Plan, translator: Translator) -> Mapping[str, str]:
    """Return workflow name -> name of its job, each used once; `_sequential` is added for the other."""
    names = Names()
    return {workflow.name: names.take(translator.job_name(workflow)) for workflow in plan.workflows}


def run_tags(plan: Plan) -> Mapping[str, str]:
    """Return the tags every run carries: whose it is and which kind of workspace it ran on."""
    return {"dara/project": plan.name, "dara/workspace": plan.workspace}


def executor_for(max_concurrent: int, *, tolerant: bool = False) -> ExecutorDefinition:
    """Return the project's executor with another default for `max_concurrent`; a run's config still wins.

    With `tolerant` a step may start once the outputs it needs exist, though the step that made them failed:
    what `run_if` is built on.
    """
    defaults: dict[str, Any] = {}
    if tolerant:
        defaults["step_dependency_config"] = {"require_upstream_step_success": False}
    schema = Permissive({"max_concurrent": Field(Int, default_value=max_concurrent)})  # type: ignore[no-untyped-call]
    return dara_executor.configured(
        lambda config: {**defaults, **config},
        name=dara_executor.name,
        config_schema=Field(schema),
        description=dara_executor.description,
    )


def build_jobs(
    plan: Plan, translator: Translator, resources: Mapping[str, ResourceDefinition]
) -> Iterator[JobDefinition]:
    """Yield `<workflow>` and `<workflow>_sequential` for every workflow of the plan."""
    graphs = Graphs(plan, translator)
    names = job_names(plan, translator)
    for workflow in plan.workflows:
        yield _job(graphs, plan, workflow, names[workflow.name], resources, sequential=False)
        yield _job(graphs, plan, workflow, names[workflow.name] + SEQUENTIAL, resources, sequential=True)


def _job(
    graphs: Graphs,
    plan: Plan,
    workflow: WorkflowPlan,
    name: str,
    resources: Mapping[str, ResourceDefinition],
    *,
    sequential: bool,
) -> JobDefinition:
    executor = executor_for(workflow.max_concurrent, tolerant=graphs.has_rules(workflow))
    return graphs.graph(name, workflow, sequential=sequential).to_job(
        name=name,
        resource_defs=resources,
        executor_def=executor,
        tags={**run_tags(plan), "dara/workflow": workflow.name, **workflow.tags},
        description=workflow.description or None,
    )
