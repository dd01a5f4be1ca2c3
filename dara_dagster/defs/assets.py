"""Turns the tables that tasks declare as outputs into assets that the tasks' own body materializes."""

# No `from __future__ import annotations`: Dagster reads the annotation of a body's context as written.
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    In,
    MaterializeResult,
    Nothing,
    OpExecutionContext,
    Out,
    op,
)

from dara_dagster.config.plan import Plan, TaskPlan, WorkflowPlan
from dara_dagster.defs.execution.execute import execute_task
from dara_dagster.defs.ops import Ops
from dara_dagster.defs.translator import Translator
from dara_dagster.defs.unique_names import Names

__all__ = ["build_assets"]


@dataclass(frozen=True)
class _Written:
    """The tables an asset definition stands for: those of a task that no task before it writes.

    `upstream` are the tables that the task builds on, `appended` the names of all tasks that append to a
    table.
    """

    workflow: WorkflowPlan
    task: TaskPlan
    tables: tuple[str, ...]
    upstream: tuple[str, ...]
    appended: Mapping[str, Sequence[str]]


def build_assets(plan: Plan, translator: Translator, taken: Iterable[str] = ()) -> list[AssetsDefinition]:
    """Return one definition for every task with outputs; `taken` are names of ops that are used already.

    A table that several tasks append to is the asset of the first of them in the plan's order, which names
    them all; each records a materialization when its job runs.
    """
    ops = Ops(translator, translator.resource_keys(plan))
    names = Names()
    for name in taken:
        names.take(name)
    return [
        _definition(names.take(f"{each.workflow.name}__{each.task.name}__tables"), each, translator, ops)
        for each in _first_writers(plan, translator)
    ]


def _definition(name: str, written: _Written, translator: Translator, ops: Ops) -> AssetsDefinition:
    workflow, task = written.workflow, written.task
    work = ops.work(workflow, task)
    own = {translator.asset_key(table) for table in written.tables}
    upstream = [table for table in written.upstream if translator.asset_key(table) not in own]
    specs: list[AssetSpec] = [
        _with_modes(translator.asset_spec(workflow, task, table, upstream), task, written.appended[table])
        for table in written.tables
    ]
    # Named here: the names that Dagster makes of keys by itself fail on `$`, and are one for `a-b` and `a_b`.
    ins = _named(dep.asset_key for spec in specs for dep in spec.deps)
    outs = _named(spec.key for spec in specs)

    @op(
        name=name,
        ins={each: In(Nothing) for each in ins},
        out={each: _out(spec) for each, spec in zip(outs, specs, strict=True)},
        required_resource_keys=ops.required_resources(task),
        tags=dict(translator.op_tags(task)),
    )
    def materialize(context: OpExecutionContext) -> Iterator[MaterializeResult[None]]:
        result = execute_task(context, work)
        for spec in specs:
            yield MaterializeResult(asset_key=spec.key, metadata=result.metadata)

    return AssetsDefinition(
        node_def=materialize, keys_by_input_name=ins, keys_by_output_name=outs, specs=specs
    )


def _named(keys: Iterable[AssetKey]) -> Mapping[str, AssetKey]:
    """Return a name for the input or output of each asset."""
    names = Names()
    return {names.take("__".join(key.path)): key for key in dict.fromkeys(keys)}


def _out(spec: AssetSpec) -> Out:
    return Out(Nothing, description=spec.description, code_version=spec.code_version, metadata=spec.metadata)


def _with_modes(spec: AssetSpec, task: TaskPlan, appended: Sequence[str]) -> AssetSpec:
    """Return the asset with the names of all tasks that append to it, where they are several."""
    if len(appended) < 2:
        return spec
    text = f"Appended to by {', '.join(appended)}. Materialize runs {task.name} only; the jobs run them all."
    described = spec.replace_attributes(description="\n\n".join(filter(None, [spec.description, text])))
    return described.merge_attributes(metadata={"dara/appended_by": list(appended)})


def _first_writers(plan: Plan, translator: Translator) -> Iterator[_Written]:
    appended: dict[AssetKey, list[str]] = {}
    for task in (
        task for workflow in plan.workflows for task in workflow.tasks if task.entry.mode == "append"
    ):
        for key in map(translator.asset_key, task.outputs):
            appended.setdefault(key, []).append(task.name)
    seen: set[AssetKey] = set()
    for workflow in plan.workflows:
        tasks = {task.name: task for task in workflow.tasks}
        for task in workflow.tasks:
            fresh = [table for table in task.outputs if translator.asset_key(table) not in seen]
            seen.update(translator.asset_key(table) for table in fresh)
            if fresh and task.kind != "workflow":
                several = {table: appended.get(translator.asset_key(table), ()) for table in fresh}
                yield _Written(workflow, task, tuple(fresh), tuple(_tables_above(tasks, task)), several)


def _tables_above(tasks: Mapping[str, TaskPlan], task: TaskPlan) -> list[str]:
    """Return the tables the task builds on: those of its upstream tasks, looking through tasks that declare
    none."""
    found: dict[str, None] = {}
    waiting, seen = list(task.upstream), set(task.upstream)
    while waiting:
        above = tasks[waiting.pop(0)]
        if above.outputs:
            found.update(dict.fromkeys(above.outputs))
            continue
        fresh = [name for name in above.upstream if name not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return list(found)
