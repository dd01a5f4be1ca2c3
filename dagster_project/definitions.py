"""Turns the files of `config/` into Dagster jobs, assets and resources."""

from __future__ import annotations

from pathlib import Path

from dagster import Definitions

from dara_dagster import build_definitions, dara_executor

# The executor is for Materialize: without it the tasks that wait run in a process each.
defs = Definitions.merge(
    build_definitions(Path(__file__).resolve().parents[1] / "config"), Definitions(executor=dara_executor)
)
