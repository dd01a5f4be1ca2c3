"""Turns the files of `config/` into Dagster jobs, assets and resources."""

from __future__ import annotations

from pathlib import Path

from dara_dagster.defs.definitions import build_definitions

defs = build_definitions(Path(__file__).resolve().parents[1] / "config")
