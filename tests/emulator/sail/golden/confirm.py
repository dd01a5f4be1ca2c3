"""Asks Apache Spark what the checks say that it answers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.emulator.sail.checks import ALL
from tests.emulator.sail.checks.check import SPARK, Environment, perform

__all__ = ["confirm"]


def confirm(spark: Any, only: str = "") -> list[str]:
    """What Apache Spark answers otherwise than a check says, in a line each. `only` begins the names."""
    faults = []
    for name, check in ALL:
        if check.source != SPARK or not name.startswith(only):
            continue
        data = Path(tempfile.mkdtemp(prefix="check"))
        session = spark.newSession()
        session.sql("CREATE SCHEMA lab")
        session.sql("USE lab")
        given = perform(check, Environment(session, "lab", str(data)))
        if given != check.there:
            faults.append(f"{name}\n    expected: {check.there!r}\n    Spark:    {given!r}")
        for (schema,) in session.sql("SHOW SCHEMAS").collect():
            if schema != "default":
                session.sql(f"DROP SCHEMA {schema} CASCADE")
        shutil.rmtree(data)
    return faults
