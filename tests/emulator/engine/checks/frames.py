"""Checks: files of volumes and samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.emulator.engine.checks.check import Check, Environment


def in_volume(e: Environment, name: str) -> str:
    """A folder of a volume with one CSV file."""
    e.volume(name).mkdir(parents=True, exist_ok=True)
    Path(f"/Volumes/main/bronze/{name}/x.csv").write_text("a,b\n1,2\n")
    return f"/Volumes/main/bronze/{name}"


def sample(e: Environment) -> Any:
    e.people.createOrReplaceTempView("sampled")
    return e.spark.sql("SELECT count(*) AS n FROM sampled TABLESAMPLE (100 PERCENT)")


CHECKS: list[Check] = [
    Check(
        "read /Volumes path (spark.read)",
        lambda e: e.spark.read.option("header", True).csv(in_volume(e, "read") + "/x.csv"),
        [("1", "2")],
    ),
    Check(
        "SQL csv.`/Volumes/…`",
        lambda e: e.spark.sql(f"SELECT * FROM csv.`{in_volume(e, 'queried')}/x.csv` ORDER BY 1"),
        [("1", "2"), ("a", "b")],
    ),
    Check("TABLESAMPLE", sample, [(4,)]),
]
