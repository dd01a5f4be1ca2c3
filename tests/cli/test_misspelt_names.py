"""A notebook that names a column or a table which is not there: what `dara run` tells of it."""

from __future__ import annotations

from tests.cli.conftest import Project

_COLUMN = """# Databricks notebook source
df = spark.createDataFrame([(1, "Basel")], ["amount", "city"])

# COMMAND ----------

print("two lines into the second cell")
df.select("amuont").show()
"""
_TABLE = """# Databricks notebook source
spark.sql("CREATE TABLE IF NOT EXISTS default.wrong_flights AS SELECT 1 AS a")

# COMMAND ----------

spark.table("default.wrong_fligths").show()
"""


def test_sparks_words_its_suggestion_and_the_place_are_shown(connected: Project) -> None:
    connected.write("config/notebooks/left.py", _COLUMN)
    connected.write("config/notebooks/right.py", _TABLE)

    text = connected.here("run", "daily", code=1)

    assert (
        "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter "
        "with name `amuont` cannot be resolved. Did you mean one of the following? [`amount`, `city`]."
        in text
    )
    assert 'left.py", line 7, in cell 2\n      df.select("amuont").show()\n' in text
    assert (
        "AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `default`.`wrong_fligths` cannot be "
        "found. Did you mean one of the following? [`default`.`wrong_flights`]." in text
    )
    assert 'right.py", line 6, in cell 2\n      spark.table("default.wrong_fligths").show()\n' in text
    assert 'File "/work' not in text  # nothing of the engine's own files
