"""Checks: files of volumes and samples.

Values of the source SPARK are those of Apache Spark; the others are those of the Databricks page that stands
beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.emulator.sail.checks.check import SPARK, Check, Environment

_VOLUMES = "https://docs.databricks.com/en/volumes/volume-files.html"


def in_volume(e: Environment) -> str:
    """A folder of a volume with one CSV file."""
    e.spark.sql("CREATE VOLUME lab.files")
    Path("/Volumes/main/lab/files/x.csv").write_text("a,b\n1,2\n")
    return "/Volumes/main/lab/files"


def sample(e: Environment) -> Any:
    e.people.createOrReplaceTempView("sampled")
    return e.spark.sql("SELECT count(*) AS n FROM sampled TABLESAMPLE (100 PERCENT)")


CHECKS: list[Check] = [
    Check(
        "read of a path in a volume",
        lambda e: e.spark.read.option("header", True).csv(in_volume(e) + "/x.csv"),
        [("1", "2")],
        _VOLUMES,
    ),
    Check(
        "SQL csv.`/Volumes/…`",
        lambda e: e.spark.sql(f"SELECT * FROM csv.`{in_volume(e)}/x.csv` ORDER BY 1"),
        [("1", "2"), ("a", "b")],
        _VOLUMES,
    ),
    Check("TABLESAMPLE of all", sample, [(4,)], SPARK),
]
