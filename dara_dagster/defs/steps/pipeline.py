"""Turns an ordered list of steps into a graph whose ops hand one typed context from step to step."""

# No `from __future__ import annotations`: Dagster reads the annotation of a body's context as written.
import copy
import inspect
import pickle
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dagster import (
    DagsterExecutionInterruptedError,
    DependencyDefinition,
    Failure,
    GraphDefinition,
    In,
    JobDefinition,
    NodeInvocation,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    Output,
    RetryRequested,
)
from pydantic import ValidationError

from dara_dagster.config.plan import WorkflowPlan
from dara_dagster.config.run_parameters import check_parameters
from dara_dagster.defs.execution.allowed_files import check_local_file
from dara_dagster.defs.execution.uploads import send_files
from dara_dagster.defs.objects import load_object
from dara_dagster.defs.resource_keys import PARAMETERS, WORKSPACE
from dara_dagster.defs.resources import RunParameters, WorkspaceSession
from dara_dagster.defs.steps.context import StepContext, StepTools
from dara_dagster.defs.steps.metadata import context_metadata, left_metadata
from dara_dagster.defs.unique_names import Names
from dara_dagster.errors import DaraError
from dara_dagster.executor.async_loop import run_awaitable
from dara_dagster.workspace.caller import check_caller
from dara_dagster.workspace.rate_limited import Stopped

__all__ = ["Step", "StepContext", "StepTools", "pipeline_graph", "step_pipeline"]

CONTEXT = "step_context"
START = "start"


class Step(ABC):
    """One step: `execute` gets the context and returns what the next step gets.

    A class named in a file is made with the file's settings as keyword arguments, their texts filled in
    from the context.
    """

    name: str = ""

    @abstractmethod
    def execute(self, context: StepContext) -> StepContext | Awaitable[StepContext]:
        """Do the work and return the context for the next step; any error fails the step.

        It may be `async def`: it then runs on the run's one event loop, and is cancelled
        (`asyncio.CancelledError`) when the run is terminated.
        """


class StepFactory(ABC):
    """Makes a step when it is about to run, so that its settings can be filled in from the context."""

    name: str = ""
    description: str = ""

    @abstractmethod
    def make(self, context: StepContext) -> Step:
        """Return the step for this context. Raises DaraError when it cannot be made."""


def step_pipeline(
    name: str, steps: Sequence[Step], *, context: type[StepContext] = StepContext
) -> JobDefinition:
    """Return a job that runs `steps` in order; the workspace is that of the `Definitions` it is put into.

    `context` is the class of the first step's context.
    """
    graph = pipeline_graph(name, steps, Names(), context=context)
    return graph.to_job(name=graph.name)


def pipeline_graph(
    name: str,
    steps: Sequence["Step | StepFactory"],
    names: Names,
    *,
    workflow: WorkflowPlan | None = None,
    context: type[StepContext] | str = StepContext,
) -> GraphDefinition:
    """Return the graph of the steps: one op a step, each fed by the one before; `names` are taken already.

    A `context` named as `module:Class` is loaded when the first step runs.
    """
    graph_name, aliases = names.take(name), Names()
    nodes: list[tuple[str, OpDefinition]] = []
    for label, step in _labelled(steps):
        op = _op(names.take(f"{name}__{label}"), label, step, workflow, context, first=not nodes)
        nodes.append((aliases.take(label), op))
    edges: dict[NodeInvocation, dict[str, DependencyDefinition]] = {}
    for index, (alias, op) in enumerate(nodes):
        before = {CONTEXT: DependencyDefinition(nodes[index - 1][0], CONTEXT)} if index else {}
        edges[NodeInvocation(op.name, alias=alias)] = before
    description = workflow.options.description if workflow else None
    return GraphDefinition(
        graph_name, node_defs=[op for _, op in nodes], dependencies=edges, description=description or None
    )


def _labelled(steps: Sequence["Step | StepFactory"]) -> Iterator[tuple[str, "Step | StepFactory"]]:
    """Yield each step under a name of its own, which it also has itself: it leaves its values under it."""
    taken: set[str] = set()
    for step in steps:
        label = wanted = step.name or type(step).__name__
        number = 1
        while label in taken:
            number += 1
            label = f"{wanted}_{number}"
        taken.add(label)
        if step.name != label:
            step = copy.copy(step)
            step.name = label
        yield label, step


def _op(
    name: str,
    label: str,
    step: "Step | StepFactory",
    workflow: WorkflowPlan | None,
    first_context: type[StepContext] | str,
    *,
    first: bool,
) -> OpDefinition:
    def body(context: OpExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Output[Any]]:
        before = _first(context, workflow, first_context) if first else inputs[CONTEXT]
        before._tools = StepTools(context, context.resources.workspace, workflow)
        was = {**dict(before), **before.values}
        after = _execute(label, step, before)
        after = after.model_copy(update={"done": (*before.done, label)})
        after._tools = None
        _ask_for_pickle(label, after, before)
        left = left_metadata(after, label, was)
        yield Output(after, CONTEXT, metadata={**left, **context_metadata(after)})

    return OpDefinition(
        compute_fn=body,
        name=name,
        ins={START: In(Nothing)} if first else {CONTEXT: In()},
        outs={CONTEXT: Out(description="What the next step gets.")},
        description=step.description if isinstance(step, StepFactory) else (type(step).__doc__ or ""),
        tags={"dara/task": label, "dara/kind": "step"},
        required_resource_keys={WORKSPACE, PARAMETERS},
    )


def _first(
    context: OpExecutionContext, workflow: WorkflowPlan | None, named: type[StepContext] | str
) -> StepContext:
    kind = _context_class(named) if isinstance(named, str) else named
    given: RunParameters = context.resources.parameters
    if workflow is not None and given.values:
        _check_parameters(context, workflow, given.values)
    parameters = {**(workflow.options.parameters if workflow else {}), **given.values}
    fields = kind.model_fields.keys() - StepContext.model_fields.keys()
    own: dict[str, Any] = {name: text for name, text in parameters.items() if name in fields}
    file = parameters.get("file_path") or parameters.get("file")
    if file:
        _check_file(context, file)
    try:
        return kind(parameters=parameters, file=file, **own)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Failure(f"The run's parameters make no {kind.__name__}: {wrong}.") from None


def _context_class(named: str) -> type[StepContext]:
    """Raise Failure for what cannot be loaded, or is no context."""
    try:
        kind = load_object(named)
    except DaraError as error:
        raise Failure(f"The context {error}.", allow_retries=False) from None
    except Exception as error:
        text = f"The context {named} cannot be loaded: {type(error).__name__}: {error}."
        raise Failure(text, allow_retries=False) from error
    if not (isinstance(kind, type) and issubclass(kind, StepContext)):
        raise Failure(f"The context {named} is no subclass of dara_dagster.StepContext.", allow_retries=False)
    return kind


def _check_parameters(context: OpExecutionContext, workflow: WorkflowPlan, names: Iterable[str]) -> None:
    session: WorkspaceSession = context.resources.workspace
    try:
        check_parameters(session.plan, workflow, names)
    except DaraError as error:
        raise Failure(str(error), allow_retries=False) from None


def _check_file(context: OpExecutionContext, file: str) -> None:
    session: WorkspaceSession = context.resources.workspace
    try:
        check_local_file(session.plan, file)
    except DaraError as error:
        raise Failure(f"{error}.") from None


def _execute(label: str, step: "Step | StepFactory", before: StepContext) -> StepContext:
    """Run the step; what goes wrong becomes a Failure that names it and what had been done before."""
    try:
        if before.tools.workflow is not None:
            check_caller(before.tools.workflow)
        send_files(before.tools.dagster)
        made = step.make(before) if isinstance(step, StepFactory) else step
        after: object = made.execute(before)
        if inspect.isawaitable(after):
            after = run_awaitable(before.tools.dagster, after)
    except RetryRequested:
        raise
    except Failure as failure:
        failure.description = f"{failure.description or label}\n{_done(before)}"
        failure.metadata = {**failure.metadata, **context_metadata(before)}
        raise
    except Stopped as stopped:
        before.tools.dagster.log.info(str(stopped))
        raise DagsterExecutionInterruptedError from None
    except DaraError as error:
        raise _failure(label, str(error), before) from None
    except SystemExit as error:
        raise _failure(label, f"it called sys.exit({error.code!r})", before) from None
    except Exception as error:
        raise _failure(label, f"{type(error).__name__}: {error}", before) from error
    if not isinstance(after, StepContext):
        what = f"execute returned {type(after).__name__}; it must return the StepContext"
        raise _failure(label, what, before)
    return after


def _failure(label: str, what: str, before: StepContext) -> Failure:
    text = f"Step {label!r} failed: {what.rstrip('. ')}. {_done(before)}"
    return Failure(text, context_metadata(before))


def _done(before: StepContext) -> str:
    return f"Done before: {', '.join(before.done) or 'nothing'}."


def _ask_for_pickle(label: str, after: StepContext, before: StepContext) -> None:
    """Raise a Failure that names what Dagster cannot store; its own error would print the whole context."""
    try:
        pickle.dumps(after)
    except Exception as error:
        left = {**dict(after), **after.values}
        culprits = [f"{name} ({type(value).__name__})" for name, value in left.items() if not _pickles(value)]
        named = ", ".join(name for name in culprits if name != "values (dict)") or "something"
        raise _failure(
            label, f"it left {named}, which cannot be handed to the next step: {error}", before
        ) from None


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False
    return True
