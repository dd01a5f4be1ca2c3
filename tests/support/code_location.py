"""A code location's server as Dagster's UI has it, gone together with the test that opened it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget


@contextmanager
def code_location(
    instance: DagsterInstance, target: WorkspaceLoadTarget
) -> Iterator[WorkspaceProcessContext]:
    """Serve the code of `target`; on the way out its processes have ended, not only been asked to."""
    with WorkspaceProcessContext(instance, target) as server:
        registry = server._grpc_server_registry
        yield server
    registry.wait_for_processes()
