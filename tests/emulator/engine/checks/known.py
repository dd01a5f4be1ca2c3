"""Checks that fail, each with a pattern of what the user is told."""

from __future__ import annotations

_SENTENCE = "is not supported by the local workspace; it works on Databricks"

KNOWN_FAILURES: dict[str, str] = {
    "ddl: CREATE TABLE … CDF on: table_changes()": rf"table_changes\(\) \(the change data feed\) {_SENTENCE}",
    "ddl: ALTER TABLE RENAME COLUMN": "Column rename is not supported for your Delta table",
    "ddl: CREATE MATERIALIZED VIEW": f"CREATE MATERIALIZED VIEW {_SENTENCE}",
    "ddl: CREATE STREAMING TABLE": f"CREATE STREAMING TABLE {_SENTENCE}",
    "ddl: SET (list)": f"SET without a key {_SENTENCE}",
    "ddl: UNDROP TABLE": f"UNDROP TABLE {_SENTENCE}",
    "readwrite: rdd access (not in Connect)": "`rdd` is not supported in Spark Connect",
    "readwrite: spark.sparkContext (not in Connect)": "`sparkContext` is not supported in Spark Connect",
    "streams: foreachBatch": "missing argument: Python UDF output type",
}
