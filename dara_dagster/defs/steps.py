"""Turns an ordered list of steps into a graph whose ops hand one typed context from step to step."""

# No `from __future__ import annotations`: Dagster reads the annotation of a body's context as it stands.
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import (
    DagsterExecutionInterruptedError,
    DependencyDefinition,
    Failure,
    GraphDefinition,
    In,
    JobDefinition,
    MetadataValue,
    NodeInvocation,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    Output,
    RetryRequested,
)
from pydantic import BaseModel, ConfigDict, PrivateAttr

from dara_dagster.defs.names import Names
from dara_dagster.defs.resources import PARAMETERS, WORKSPACE, RunParameters, WorkspaceSession
from dara_dagster.errors import DaraError
from dara_dagster.remote.metered import Stopped
from dara_dagster.spec.plan import WorkflowPlan

__all__ = ["Step", "StepContext", "StepTools", "pipeline_graph", "step_pipeline"]

CONTEXT = "step_context"
START = "start"
_PLACEHOLDER = re.compile(r"\$\{context\.([^}]+)\}")


@dataclass(frozen=True)
class StepTools:
    """What a step may use while it runs: Dagster's context (log, run, instance) and the workspace."""

    dagster: OpExecutionContext
    session: WorkspaceSession
    workflow: WorkflowPlan | None


class StepContext(BaseModel):
    """What one step hands to the next; subclass it for fields of your own.

    `parameters` are those of the workflow under those of the run, `file` the file that started the run (the
    parameter `file_path`, as sensors set it, or `file`), `done` the names of the steps so far. `values` is
    what they left, each under its name (`row_count`) and with the step's name in front (`load.row_count`).
    """

    model_config = ConfigDict(extra="allow")

    parameters: dict[str, str] = {}
    file: str | None = None
    done: tuple[str, ...] = ()
    values: dict[str, Any] = {}

    _tools: StepTools | None = PrivateAttr(None)

    @property
    def tools(self) -> StepTools:
        """What the running step may use. Raises RuntimeError outside of a step."""
        if self._tools is None:
            raise RuntimeError("The tools of a StepContext are there only while a step is being executed")
        return self._tools

    def get(self, name: str) -> Any:
        """Return a field, a value or a parameter by that name, looked for in this order.

        Raises DaraError when there is none, naming what there is.
        """
        if name in type(self).model_fields and getattr(self, name) is not None:
            return getattr(self, name)
        for place in (self.model_extra or {}, self.values, self.parameters):
            if name in place:
                return place[name]
        known = ", ".join(sorted({*self.values, *self.parameters, "file"}))
        raise DaraError(f"The context has no {name!r}; it has {known}.")

    def fill(self, value: Any) -> Any:
        """Return `value` with each `${context.NAME}` in it replaced; where that is all, its type is kept."""
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := _PLACEHOLDER.fullmatch(value):
            return self.get(whole[1])
        return _PLACEHOLDER.sub(lambda found: str(self.get(found[1])), value)

    def leave(self, step: str, **values: Any) -> "StepContext":
        """Return a copy in which the step's values stand for those after it; None is left out."""
        kept = {name: value for name, value in values.items() if value is not None}
        named = {f"{step}.{name}": value for name, value in kept.items()}
        copy = self.model_copy(update={"values": {**self.values, **kept, **named}})
        copy._tools = self._tools
        return copy


class Step(ABC):
    """One step: `execute` gets the context and returns what the next step gets.

    A class named in a file is made with the file's settings as keyword arguments, their texts filled in
    from the context.
    """

    name: str = ""

    @abstractmethod
    def execute(self, context: StepContext) -> StepContext:
        """Do the work and return the context for the next step; any error fails the step."""


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
    return pipeline_graph(name, steps, Names(), context=context).to_job(name=name)


def pipeline_graph(
    name: str,
    steps: Sequence["Step | StepFactory"],
    names: Names,
    *,
    workflow: WorkflowPlan | None = None,
    context: type[StepContext] = StepContext,
) -> GraphDefinition:
    """Return the graph of the steps: one op a step, each fed by the one before; `names` are taken already."""
    graph_name, aliases = names.take(name), Names()
    nodes: list[tuple[str, OpDefinition]] = []
    for step in steps:
        label = step.name or type(step).__name__
        op = _op(names.take(f"{name}__{label}"), label, step, workflow, context, first=not nodes)
        nodes.append((aliases.take(label), op))
    edges: dict[NodeInvocation, dict[str, DependencyDefinition]] = {}
    for index, (alias, op) in enumerate(nodes):
        before = {CONTEXT: DependencyDefinition(nodes[index - 1][0], CONTEXT)} if index else {}
        edges[NodeInvocation(op.name, alias=alias)] = before
    description = workflow.description if workflow else None
    return GraphDefinition(
        graph_name, node_defs=[op for _, op in nodes], dependencies=edges, description=description or None
    )


def _op(
    name: str,
    label: str,
    step: "Step | StepFactory",
    workflow: WorkflowPlan | None,
    first_context: type[StepContext],
    *,
    first: bool,
) -> OpDefinition:
    def body(context: OpExecutionContext, inputs: Mapping[str, Any]) -> Iterator[Output[Any]]:
        before = _first(context, workflow, first_context) if first else inputs[CONTEXT]
        before._tools = StepTools(context, context.resources.workspace, workflow)
        after = _execute(label, step, before)
        after = after.model_copy(update={"done": (*before.done, label)})
        after._tools = None
        yield Output(after, CONTEXT, metadata={**_left(after, label), **_metadata(after)})

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
    context: OpExecutionContext, workflow: WorkflowPlan | None, kind: type[StepContext]
) -> StepContext:
    given: RunParameters = context.resources.parameters
    parameters = {**(workflow.parameters if workflow else {}), **given.values}
    return kind(parameters=parameters, file=parameters.get("file_path") or parameters.get("file"))


def _execute(label: str, step: "Step | StepFactory", before: StepContext) -> StepContext:
    """Run the step; what goes wrong becomes a Failure that names it and what had been done before."""
    done = ", ".join(before.done) or "nothing"
    try:
        made = step.make(before) if isinstance(step, StepFactory) else step
        after = made.execute(before)
    except (Failure, RetryRequested):
        raise
    except Stopped as stopped:
        before.tools.dagster.log.info(str(stopped))
        raise DagsterExecutionInterruptedError from None
    except DaraError as error:
        raise Failure(f"Step {label!r} failed: {error} Done before: {done}.", _metadata(before)) from None
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise Failure(f"Step {label!r} failed: {what}. Done before: {done}.", _metadata(before)) from error
    if not isinstance(after, StepContext):
        raise Failure(f"Step {label!r} returned {type(after).__name__}; execute must return the StepContext.")
    return after


def _left(context: StepContext, step: str) -> dict[str, Any]:
    """What the step left, each value under its name as Dagster's UI shows it best."""
    mark = f"{step}."
    named = ((name, value) for name, value in context.values.items() if name.startswith(mark))
    return {name.removeprefix(mark): _shown(name.removeprefix(mark), value) for name, value in named}


def _shown(name: str, value: Any) -> MetadataValue[Any]:
    if name == "url":
        return MetadataValue.url(str(value))
    if isinstance(value, bool):
        return MetadataValue.bool(value)
    if isinstance(value, int):
        return MetadataValue.int(value)
    return MetadataValue.text(value if isinstance(value, str) else repr(value))


def _metadata(context: StepContext) -> dict[str, Any]:
    shown = context.model_dump(mode="json", fallback=repr, exclude={"parameters"})
    return {"context": MetadataValue.json(shown)}
