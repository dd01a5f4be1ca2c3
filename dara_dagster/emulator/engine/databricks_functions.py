"""Functions of Databricks that neither Apache Spark's Python API nor Sail 0.7.2 has.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-functions-builtin-alpha
"""

from __future__ import annotations

__all__ = ["is_databricks_function"]

_PREFIXES = ("ai_", "h3_", "st_", "read_", "vector_", "kll_", "theta_", "tuple_")
_NAMES = {
    *("approx_top_k", "approx_top_k_accumulate", "approx_top_k_combine", "approx_top_k_estimate"),
    *("cloud_files_state", "collations", "current_metastore", "current_recipient", "current_version"),
    *("event_log", "from_avro", "to_avro", "from_protobuf", "to_protobuf", "http_request"),
    *("is_account_group_member", "is_member", "list_secrets", "secret", "try_secret"),
    *("input_file_block_length", "input_file_block_start", "schema_of_json_agg", "schema_of_xml_agg"),
    *("schema_of_variant_agg", "sql_keywords", "table_changes", "remote_query"),
    *("to_geography", "to_geometry", "try_to_geography", "try_to_geometry", "zeroifnull", "nullifzero"),
    *("to_time", "try_to_time", "make_time", "current_time", "time_diff", "time_trunc"),
    *("variant_explode", "variant_explode_outer", "search", "isearch", "python_worker_logs", "measure"),
    *("try_decompress", "zstd_compress", "zstd_decompress", "try_zstd_decompress", "bitmap_and_agg"),
    *("getdate", "len", "charindex", "from_xml", "schema_of_xml"),
}


def is_databricks_function(name: str) -> bool:
    """Whether Databricks has a function of this name (in lower case)."""
    return name in _NAMES or name.startswith(_PREFIXES)
