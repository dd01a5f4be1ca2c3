"""The example project: one `Definitions` object, `defs`, for every Dagster tool."""

from dagster_project.definitions import defs

__all__ = ["defs"]
