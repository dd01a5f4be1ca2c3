"""Builds the view of the resources that a set of steps share once, instead of a new class for each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import AbstractSet  # noqa: UP035  (Dagster's own annotation of the method)

from dagster._core.definitions.scoped_resources_builder import Resources, ScopedResourcesBuilder
from dagster._core.execution.context.system import PlanExecutionContext

__all__ = ["share_resources"]


class _SharedResources(ScopedResourcesBuilder):
    """`build` answers the same question once: steps that need the same keys see the same objects anyway."""

    def build(self, required_resource_keys: AbstractSet[str] | None) -> Resources:
        built: dict[frozenset[str], Resources] = self.__dict__.setdefault("_built", {})
        keys = frozenset(required_resource_keys or ())
        if keys not in built:
            built[keys] = super().build(keys)
        return built[keys]


@contextmanager
def share_resources(job_context: PlanExecutionContext) -> Iterator[None]:
    """While open, the steps of `job_context` get their resources from one cache."""
    data = job_context._execution_data
    shared = _SharedResources(*data.scoped_resources_builder)
    job_context._execution_data = data._replace(scoped_resources_builder=shared)
    try:
        yield
    finally:
        job_context._execution_data = data
