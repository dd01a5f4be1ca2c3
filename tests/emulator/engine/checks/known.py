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
    "readwrite: csv mode PERMISSIVE + _corrupt_record/rescued": (
        f"CSV column _corrupt_record of corrupt records {_SENTENCE}"
    ),
    "readwrite: _metadata.file_path / input_file_name": "The column _metadata of files",
    "readwrite: input_file_name()": "The function input_file_name.. is not supported",
    "readwrite: read excel/xml": "No data source found for: xml",
    "readwrite: rdd access (not in Connect)": "`rdd` is not supported in Spark Connect",
    "readwrite: spark.sparkContext (not in Connect)": "`sparkContext` is not supported in Spark Connect",
    "frames: VARIANT parse_json / variant_get": "json_as_text.*variant",
    "frames: observe()": rf"DataFrame.observe\(\) {_SENTENCE}",
    "udfs: cogroup applyInPandas": "unmasked nulls",
    "streams: foreachBatch": "missing argument: Python UDF output type",
}
