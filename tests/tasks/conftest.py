"""The fixtures of the tests that run tasks: a project that Dagster runs, and a workspace for saved jobs."""

from tests.defs.conftest import instance, project
from tests.workspace.conftest import workspace

__all__ = ["instance", "project", "workspace"]
