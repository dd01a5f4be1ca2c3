"""Turns a workflow into a Dagster graph: nodes first, edges last; a nested workflow is a graph in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dagster import (
    DependencyDefinition,
    GraphDefinition,
    InputMapping,
    MultiDependencyDefinition,
    NodeInvocation,
    OpDefinition,
    OutputMapping,
)

from dara_dagster.config.plan import Plan, TaskPlan, WorkflowPlan
from dara_dagster.defs.ops import DONE, RESULT, START, UPSTREAM, Ops, gate_op, join_op
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.defs.steps.pipeline import pipeline_graph
from dara_dagster.defs.steps.registry import steps_of
from dara_dagster.defs.translator import Translator
from dara_dagster.defs.unique_names import Names
from dara_dagster.tasks.registry import kind_of

__all__ = ["Graphs"]

_GATE = "gate"
_JOIN = "join"


@dataclass(frozen=True)
class _Node:
    """What stands for a task in a graph, and the outputs that dependants wait for."""

    alias: str
    definition: OpDefinition | GraphDefinition
    ends: tuple[str, ...]


_Edges = dict[NodeInvocation, dict[str, MultiDependencyDefinition]]


class Graphs:
    """Builds the graphs of a plan's workflows; every definition gets a name of its own in the plan."""

    def __init__(self, plan: Plan, translator: Translator) -> None:
        self._plan = plan
        self._workflows = {workflow.name: workflow for workflow in plan.workflows}
        self._translator = translator
        self._ops = Ops(translator, translator.resource_keys(plan))
        self._names = Names()
        self._made: dict[tuple[object, ...], OpDefinition] = {}

    def graph(self, name: str, workflow: WorkflowPlan, *, sequential: bool) -> GraphDefinition:
        """Return the graph of a workflow under a name of its own, `name` if it is free.

        With `sequential` the tasks run one at a time in the plan's order, whatever their edges.
        """
        verdicts = self.has_rules(workflow)
        nodes = self._nodes(workflow, sequential, verdicts)
        return GraphDefinition(
            self._names.take(name),
            node_defs=_definitions(nodes.values()),
            dependencies=_edges(workflow.tasks, nodes, sequential, verdicts),
            description=workflow.options.description or None,
        )

    def pipeline(self, name: str, workflow: WorkflowPlan) -> GraphDefinition:
        """Return the graph of a step pipeline."""
        steps = steps_of(self._plan, workflow)
        return pipeline_graph(
            name, steps, self._names, workflow=workflow, context=workflow.context or StepContext
        )

    def has_rules(self, workflow: WorkflowPlan) -> bool:
        """Return whether some task of the workflow, or of one nested in it, has a `run_if` of its own."""
        return any(
            task.entry.run_if != "ALL_SUCCESS"
            or task.tolerates
            or (task.kind == "workflow" and self.has_rules(self._nested(task)))
            for task in workflow.tasks
        )

    def _nested(self, task: TaskPlan) -> WorkflowPlan:
        """Return the workflow that the task runs, its tasks given what the task sets."""
        workflow = self._workflows[task.workflow or ""]
        return replace(workflow, tasks=tuple(_with_options_of(inner, task) for inner in workflow.tasks))

    def _nodes(self, workflow: WorkflowPlan, sequential: bool, verdicts: bool) -> dict[str, _Node]:
        aliases = self._translator.op_names(workflow)
        nodes = {}
        for task in workflow.tasks:
            alias = aliases[task.name]
            if task.kind == "workflow":
                nodes[task.name] = self._nested_node(alias, workflow, task, sequential, verdicts)
            else:
                ends = (DONE,) if verdicts else (RESULT,)
                nodes[task.name] = _Node(alias, self._op(workflow, task, verdicts, aliases), ends)
        return nodes

    def _op(
        self, workflow: WorkflowPlan, task: TaskPlan, verdicts: bool, aliases: Mapping[str, str]
    ) -> OpDefinition:
        settings = (*sorted(task.parameters.items()), task.entry.timeout_seconds, task.entry.poll_seconds)
        key = (workflow.name, task.name, verdicts, settings)
        if key not in self._made:
            name = self._names.take(f"{workflow.name}__{task.name}")
            make = self._ops.run_if_op if verdicts else self._ops.plain
            self._made[key] = make(name, workflow, task, aliases)
        return self._made[key]

    def _nested_node(
        self, alias: str, outer: WorkflowPlan, task: TaskPlan, sequential: bool, verdicts: bool
    ) -> _Node:
        """Return the node of a task that runs another workflow: its graph, with an op's inputs and ends."""
        name = self._names.take(f"{outer.name}__{task.name}")
        workflow = self._nested(task)
        nodes = self._nodes(workflow, sequential, verdicts)
        edges = _edges(workflow.tasks, nodes, sequential, verdicts)
        every, last = list(nodes.values()), _last(workflow.tasks, nodes)
        if verdicts:
            gate = _Node(_GATE, gate_op(self._names.take(f"{name}__gate"), task), (DONE,))
            join = _Node(_JOIN, join_op(self._names.take(f"{name}__join")), (DONE,))
            edges = _between(gate, edges, join, last)
            every += [gate, join]
            inputs = [_mapping(each, _GATE, each) for each in (START, UPSTREAM)]
            outputs = [OutputMapping(DONE, _JOIN, DONE)]
        else:
            roots = [node for node, above in edges.items() if not above]
            inputs = [_mapping(START, node.alias or node.name, START) for node in roots]
            outputs = [OutputMapping(f"{n.alias}__{end}", n.alias, end) for n in last for end in n.ends]
        definition = GraphDefinition(
            name,
            node_defs=_definitions(every),
            dependencies=edges,
            input_mappings=inputs,
            output_mappings=outputs,
            description=task.entry.description or workflow.options.description or None,
        )
        return _Node(alias, definition, tuple(output.graph_output_name for output in outputs))


def _with_options_of(inner: TaskPlan, outer: TaskPlan) -> TaskPlan:
    """Return a task of a nested workflow, given the parameters and limits of the task that runs the workflow.

    Parameters go to it as those of a run do; it may take no longer, and is polled no more often, than
    the outer task says.
    """
    takes_all = kind_of(inner).takes_undeclared
    given = {name: text for name, text in outer.parameters.items() if takes_all or name in inner.parameters}
    limits = [limit for limit in (inner.entry.timeout_seconds, outer.entry.timeout_seconds) if limit]
    poll_seconds = max(inner.entry.poll_seconds, outer.entry.poll_seconds)
    limited = {"timeout_seconds": min(limits, default=0), "poll_seconds": poll_seconds}
    return replace(
        inner, parameters={**inner.parameters, **given}, entry=inner.entry.model_copy(update=limited)
    )


def _mapping(outer: str, node: str, inner: str) -> InputMapping:
    return InputMapping(graph_input_name=outer, mapped_node_name=node, mapped_node_input_name=inner)


def _edges(tasks: Sequence[TaskPlan], nodes: Mapping[str, _Node], sequential: bool, verdicts: bool) -> _Edges:
    """Return what every node waits for: those it depends on, and with `sequential` the one before it."""
    edges: _Edges = {}
    for index, task in enumerate(tasks):
        node = nodes[task.name]
        above = [nodes[name] for name in task.upstream]
        before = [nodes[tasks[index - 1].name]] if sequential and index else []
        inputs: dict[str, MultiDependencyDefinition] = {}
        if verdicts and above:
            inputs[UPSTREAM] = _wait(above)
        if order := before if sequential else ([] if verdicts else above):
            inputs[START] = _wait(order)
        edges[NodeInvocation(node.definition.name, alias=node.alias)] = inputs
    return edges


def _between(gate: _Node, edges: _Edges, join: _Node, last: Sequence[_Node]) -> _Edges:
    """Return the edges of a nested workflow whose roots follow its gate, and whose last tasks its join."""
    return {
        NodeInvocation(gate.definition.name, alias=gate.alias): {},
        **{node: {UPSTREAM: _wait([gate]), **inputs} for node, inputs in edges.items()},
        NodeInvocation(join.definition.name, alias=join.alias): {UPSTREAM: _wait(last)},
    }


def _last(tasks: Sequence[TaskPlan], nodes: Mapping[str, _Node]) -> list[_Node]:
    """Return the nodes that no other one depends on."""
    waited = {name for task in tasks for name in task.upstream}
    return [nodes[task.name] for task in tasks if task.name not in waited]


def _wait(nodes: Iterable[_Node]) -> MultiDependencyDefinition:
    return MultiDependencyDefinition(
        [DependencyDefinition(node.alias, end) for node in nodes for end in node.ends]
    )


def _definitions(nodes: Iterable[_Node]) -> list[OpDefinition | GraphDefinition]:
    return [node.definition for node in nodes]
