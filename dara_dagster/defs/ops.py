"""Turns a task into an op, in one of two forms that share one body.

A plain op waits for its upstream ops to succeed. In a job where any task has a `run_if` of its own every op
takes the second form: it waits for its upstream ops to end, reads how they ended from their output `done`,
decides by its rule whether it runs, and tells its own ending in `done` even when it then fails and shows red.
"""

# No `from __future__ import annotations`: Dagster reads the annotation of a body's context as written.
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dagster import (
    AssetMaterialization,
    Failure,
    In,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    Output,
    RetryRequested,
)

from dara_dagster.config.kinds import RunIf
from dara_dagster.config.plan import TaskPlan, WorkflowPlan
from dara_dagster.defs.execution.event_recorder import record_left_out
from dara_dagster.defs.execution.execute import Work, execute_task
from dara_dagster.defs.execution.results import RunFailed, TaskResult
from dara_dagster.defs.resource_keys import PARAMETERS, WORKSPACE
from dara_dagster.defs.run_if import TaskOutcome, decide, tolerate
from dara_dagster.defs.translator import Translator
from dara_dagster.executor.executor import dara_executor

__all__ = ["DONE", "RESULT", "START", "UPSTREAM", "Ops", "gate_op", "join_op"]

START = "start"
UPSTREAM = "upstream"
RESULT = "result"
DONE = "done"

_Events = Iterator[AssetMaterialization | Output[Any]]


class Ops:
    """Makes the ops of a plan's tasks; `resource_keys` maps (kind, name) of a compute to its resource."""

    def __init__(self, translator: Translator, resource_keys: Mapping[tuple[str, str], str]) -> None:
        self._translator = translator
        self._resource_keys = resource_keys

    def required_resources(self, task: TaskPlan) -> set[str]:
        """Return the keys of the resources the task's body uses."""
        keys = {WORKSPACE, PARAMETERS}
        if task.compute is not None:
            keys.add(self._resource_keys[task.compute.kind, task.compute.name])
        return keys

    def compute_key(self, task: TaskPlan) -> str | None:
        """Return the resource key of the task's compute; None for a task that has none."""
        return self._resource_keys[task.compute.kind, task.compute.name] if task.compute else None

    def work(self, workflow: WorkflowPlan, task: TaskPlan, op_names: Mapping[str, str] | None = None) -> Work:
        """Return what the body of the task's op has to do; `op_names`: task -> op in the workflow's graph.

        Without them (an asset stands in no graph) the task is given no exit value of another.
        """
        names = op_names or {}
        inputs = {name: names[source] for name, source in task.inputs_from.items() if source in names}
        return Work(workflow, task, self.compute_key(task), inputs)

    def plain(
        self, name: str, workflow: WorkflowPlan, task: TaskPlan, op_names: Mapping[str, str]
    ) -> OpDefinition:
        """Return the op of a task in a job where every task asks for the success of all above it."""
        work = self.work(workflow, task, op_names)

        def body(context: OpExecutionContext, _inputs: Mapping[str, Any]) -> _Events:
            result = execute_task(context, work)
            yield from self._materializations(task, result)
            yield Output(None, RESULT, metadata=result.metadata)

        return self._op(name, task, body, ins={START: In(Nothing)}, outs={RESULT: Out(Nothing)})

    def run_if_op(
        self, name: str, workflow: WorkflowPlan, task: TaskPlan, op_names: Mapping[str, str]
    ) -> OpDefinition:
        """Return the op of a task in a job where some task has a `run_if` of its own."""
        work = self.work(workflow, task, op_names)

        def body(context: OpExecutionContext, inputs: Mapping[str, Any]) -> _Events:
            endings = inputs.get(UPSTREAM) or []
            # A root of a nested workflow gets the ending of the workflow's gate, which is no task.
            outcomes = tolerate(task.upstream, endings, task.tolerates) if task.upstream else endings
            decision = decide(task.entry.run_if, outcomes)
            if decision != "run":
                yield from _not_run(context, task.entry.run_if, decision)
                return
            try:
                result = execute_task(context, work)
            except RetryRequested:
                raise
            except Exception as error:
                _warn_if_strict(context)
                yield _ending("failed" if isinstance(error, RunFailed) else "upstream")
                raise
            yield from self._materializations(task, result)
            yield _ending("success", result.metadata)

        return self._op(name, task, body, ins=_VERDICT_INS, outs=_VERDICT_OUTS)

    def _materializations(self, task: TaskPlan, result: TaskResult) -> Iterator[AssetMaterialization]:
        for table in task.outputs:
            key = self._translator.asset_key(table)
            yield AssetMaterialization(key, description=f"Written by {task.name}", metadata=result.metadata)

    def _op(
        self,
        name: str,
        task: TaskPlan,
        body: Callable[[OpExecutionContext, Mapping[str, Any]], _Events],
        ins: Mapping[str, In],
        outs: Mapping[str, Out],
    ) -> OpDefinition:
        return OpDefinition(
            compute_fn=body,
            name=name,
            ins=ins,
            outs=outs,
            description=self._translator.op_description(task),
            tags=self._translator.op_tags(task),
            required_resource_keys=self.required_resources(task),
            code_version=task.content_hash or None,
        )


def gate_op(name: str, task: TaskPlan) -> OpDefinition:
    """Return the op that decides for a whole nested workflow whether it runs; runs nothing itself."""

    def body(context: OpExecutionContext, inputs: Mapping[str, Any]) -> _Events:
        endings = inputs.get(UPSTREAM) or []
        decision = decide(task.entry.run_if, tolerate(task.upstream, endings, task.tolerates))
        if decision == "run":
            yield _ending("success")
        else:
            yield from _not_run(context, task.entry.run_if, decision)

    text = f"Starts the nested workflow if {task.entry.run_if} holds for what it depends on."
    return OpDefinition(body, name, ins=_VERDICT_INS, outs=_VERDICT_OUTS, description=text)


def join_op(name: str) -> OpDefinition:
    """Return the op that tells how a nested workflow ended: well if all its last tasks did; runs nothing
    itself."""

    def body(context: OpExecutionContext, inputs: Mapping[str, Any]) -> _Events:
        decision = decide("ALL_SUCCESS", inputs.get(UPSTREAM) or [])
        if decision == "upstream":
            record_left_out(context, decision, reason := "a task of the nested workflow failed")
            yield _ending("failed")
            raise Failure(reason, allow_retries=False)
        yield _ending("success" if decision == "run" else "excluded")

    text = "Ends the nested workflow: it succeeded if all its last tasks did."
    return OpDefinition(body, name, ins=_VERDICT_INS, outs=_VERDICT_OUTS, description=text)


_VERDICT_INS = {START: In(Nothing), UPSTREAM: In(default_value=[])}
_VERDICT_OUTS = {DONE: Out(str, is_required=False, description="How the task ended, for those after it.")}


def _ending(ending: TaskOutcome, metadata: Mapping[str, Any] | None = None) -> Output[Any]:
    return Output(ending, DONE, metadata=metadata)


def _warn_if_strict(context: OpExecutionContext) -> None:
    """Say so when the executor at hand cannot start what depends on a step that failed."""
    ours = context.job_def.executor_def.name == dara_executor.name
    execution: Any = context.run.run_config.get("execution") or {}
    setting = (execution.get("config") or {}).get("step_dependency_config") or {}
    if not ours and setting.get("require_upstream_step_success", True):
        context.log.error(
            "Tasks with run_if that depend on this one will not run: this executor starts nothing below a "
            "failed step. Use the project's executor (dara_executor), or start the run with execution: "
            "{config: {step_dependency_config: {require_upstream_step_success: false}}}."
        )


def _not_run(context: OpExecutionContext, rule: RunIf, decision: TaskOutcome) -> _Events:
    """Tell the dependants and the event log that the task is left out, red when a failure is the reason."""
    reason = f"not run: {rule} does not hold for the tasks it depends on"
    record_left_out(context, decision, reason)
    yield _ending(decision)
    if decision == "upstream":
        raise Failure(reason, allow_retries=False)
