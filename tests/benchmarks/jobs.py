"""The jobs that are measured, made of ops that only sleep."""

import time

from dagster import (
    DependencyDefinition,
    GraphDefinition,
    In,
    JobDefinition,
    MultiDependencyDefinition,
    NodeInvocation,
    Nothing,
    Out,
    in_process_executor,
    multiprocess_executor,
    op,
)

from dara_dagster.executor.executor import dara_executor

EXECUTORS = {
    "dara": dara_executor,
    "in_process": in_process_executor,
    "multiprocess": multiprocess_executor,
}

Edges = dict[str, list[str]]


def sleepers(count: int) -> Edges:
    """Ops that have nothing to do with each other."""
    return {f"op_{number}": [] for number in range(count)}


def chain(count: int) -> Edges:
    """Each op waits for the one before."""
    return {f"op_{number}": [f"op_{number - 1}"] * (number > 0) for number in range(count)}


def layers(count: int, width: int = 100) -> Edges:
    """Layers of `width` ops, each op waiting for three of the layer before."""
    edges: Edges = {}
    for number in range(count):
        layer, place = divmod(number, width)
        above = {(place + shift) % width for shift in range(3)} if layer else set()
        edges[f"op_{number}"] = [f"op_{(layer - 1) * width + other}" for other in sorted(above)]
    return edges


SHAPES = {"sleepers": sleepers, "chain": chain, "layers": layers, "pooled": sleepers}
POOL = "measured"


def get_job(shape: str, count: int, seconds: float, executor: str) -> JobDefinition:
    """A job of `count` ops in that shape, each sleeping for `seconds`."""

    @op(ins={"start": In(Nothing)}, out=Out(Nothing), pool=POOL if shape == "pooled" else None)
    def sleeps() -> None:
        time.sleep(seconds)

    dependencies = {
        NodeInvocation("sleeps", alias=name): {
            "start": MultiDependencyDefinition([DependencyDefinition(other) for other in above])
        }
        if above
        else {}
        for name, above in SHAPES[shape](count).items()
    }
    graph = GraphDefinition(f"{shape}_{count}", node_defs=[sleeps], dependencies=dependencies)
    return graph.to_job(executor_def=EXECUTORS[executor])
