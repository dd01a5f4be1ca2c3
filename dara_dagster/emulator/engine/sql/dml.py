"""INSERT, UPDATE, DELETE and MERGE: the forms Sail lacks as forms it has, and the row counts Databricks
answers.
"""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.overwrites import AUTO_MERGE, DYNAMIC_MODE
from dara_dagster.emulator.engine.sql.handlers import done, statement, table_folder
from dara_dagster.emulator.engine.sql.lexing import NAME, pieces, split_top_level, unquote
from dara_dagster.emulator.engine.sql.types import delta_type

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["result"]

_QUERY = r"(?P<query>(?:\(|select\b|with\b|values\b|table\b|from\b).*)"
_INSERT = rf"insert\s+(?P<how>into|overwrite)\s+(?:table\s+)?{NAME}\s*"
_ALIAS = r"(?:\s+(?:as\s+)?(?P<alias>(?!where\b|set\b)\w+))?"
_KIND = re.compile(r"\s*(merge|update|delete|insert)\b", re.I)
_FILLED_BY_DELTA = ("delta.identity", "delta.generationExpression", "CURRENT_DEFAULT")


def result(spark: LocalSpark, text: str, answer: DataFrame) -> DataFrame:
    """The answer of a statement; for a write Databricks' counts instead of Sail's one (rewritten rows)."""
    match = _KIND.match(text)
    if match is None:
        return answer
    outcome, kind = spark.writes.last, match[1].lower()
    if kind == "merge":
        row = (outcome.affected, outcome.updated, outcome.deleted, outcome.inserted)
        names = ("num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows")
        return spark.rows([row], ", ".join(f"{name} long" for name in names))
    if kind == "insert":
        return spark.rows([(outcome.inserted,) * 2], "num_affected_rows long, num_inserted_rows long")
    return spark.rows([(outcome.affected,)], "num_affected_rows long")


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@statement(
    r"(?P<ctes>with\b.*\))\s*(?P<head>insert\s+(?:into|overwrite)\s+(?:table\s+)?\S+(?:\s*\([^()]*\))?)\s+(?P<query>select\b.*)"
)
def insert_after_with(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    return spark.sql(f"{match['head']} {match['ctes']} {match['query']}")


@statement(r"merge\s+into\b(?P<rest>.*)")
def merge_with_evolution(spark: LocalSpark, match: re.Match[str]) -> DataFrame | None:
    """autoMerge, which Sail ignores, is schema evolution for a MERGE."""
    if spark.setting(AUTO_MERGE) != "true":
        return None
    return spark.sql(f"MERGE WITH SCHEMA EVOLUTION INTO {match['rest']}")


@statement(_INSERT + r"partition\s*\((?P<spec>[^)]*)\)\s*(?:\((?P<columns>[^()]*)\)\s*)?" + _QUERY)
def insert_into_partition(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """`PARTITION (region = 'eu', day)`: the given values become columns of the query."""
    folder = table_folder(spark, match["name"])
    snapshot = delta_log.read_snapshot(folder)
    types = {field["name"]: delta_type(field["type"]) for field in snapshot.fields}
    spec = [part.partition("=") for part in split_top_level(match["spec"])]
    fixed = {unquote(column): value.strip() for column, equals, value in spec if equals}
    if match["columns"]:
        given = [unquote(column) for column in match["columns"].split(",")]
    else:
        order = [c for c in types if c not in snapshot.partition_columns] + snapshot.partition_columns
        given = [column for column in order if column not in fixed]
    values = [
        f"CAST({value} AS {types.get(column, 'string')}) AS `{column}`" for column, value in fixed.items()
    ]
    source = f"SELECT {', '.join([_list(given), *values])} FROM ({match['query']}) AS _s({_list(given)})"
    if match["how"].lower() == "into":
        return spark.sql(f"INSERT INTO {match['name']} ({_list([*given, *fixed])}) {source}")
    rows = spark.sql(f"SELECT {_list(list(types))} FROM ({source})")
    return _overwrite(
        spark, folder, rows, " AND ".join(f"`{column}` = {value}" for column, value in fixed.items())
    )


def _overwrite(spark: LocalSpark, folder: Path, rows: DataFrame, condition: str) -> DataFrame:
    writer = rows.write.format("delta").mode("overwrite")
    if condition and spark.setting(DYNAMIC_MODE) != "dynamic":
        writer = writer.option("replaceWhere", condition)
    writer.save(str(folder))
    return result(spark, "insert", rows)


@statement(_INSERT + _QUERY)
def insert_overwrite_dynamic(spark: LocalSpark, match: re.Match[str]) -> DataFrame | None:
    """Under partitionOverwriteMode=dynamic only the partitions of the new rows are replaced."""
    if match["how"].lower() == "into" or spark.setting(DYNAMIC_MODE) != "dynamic":
        return None
    snapshot = delta_log.read_snapshot(table_folder(spark, match["name"]))
    if not snapshot.partition_columns:
        return None
    names = [field["name"] for field in snapshot.fields]
    casts = [f"CAST(`{f['name']}` AS {delta_type(f['type'])}) AS `{f['name']}`" for f in snapshot.fields]
    rows: Any = spark.sql(match["query"]).toDF(*names).selectExpr(*casts)
    return _overwrite(spark, table_folder(spark, match["name"]), rows, "")


@statement(rf"insert\s+into\s+(?:table\s+)?{NAME}\s*\((?P<columns>[\w\s,`]+)\)\s*{_QUERY}")
def insert_some_columns(spark: LocalSpark, match: re.Match[str]) -> DataFrame | None:
    """Columns left out are NULL; Sail wants them named."""
    fields = delta_log.read_snapshot(table_folder(spark, match["name"])).fields
    given = [unquote(column) for column in match["columns"].split(",")]
    named = {column.lower() for column in given}
    missing = [
        field
        for field in fields
        if field["name"].lower() not in named
        and not any(key.startswith(_FILLED_BY_DELTA) for key in field["metadata"])
    ]
    if not missing:
        return None
    nulls = [f"CAST(NULL AS {delta_type(field['type'])}) AS `{field['name']}`" for field in missing]
    columns = _list([*given, *(field["name"] for field in missing)])
    source = f"SELECT {', '.join([_list(given), *nulls])} FROM ({match['query']}) AS _s({_list(given)})"
    return spark.sql(f"INSERT INTO {match['name']} ({columns}) {source}")


@statement(rf"delete\s+from\s+{NAME}{_ALIAS}\s+where\s+(?P<condition>.*\(\s*select\b.*)")
def delete_by_subquery(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    merge = _merge_by_rows(spark, match["name"], match["alias"], match["condition"], [])
    spark.sql(f"{merge} WHEN MATCHED THEN DELETE")
    return result(spark, "delete", done(spark))


@statement(rf"update\s+{NAME}{_ALIAS}\s+set\s+(?P<rest>.*\(\s*select\b.*)")
def update_by_subquery(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    assignments, condition = _split_where(match["rest"])
    pairs = [part.partition("=") for part in split_top_level(assignments)]
    merge = _merge_by_rows(spark, match["name"], match["alias"], condition, [value for _, _, value in pairs])
    changes = ", ".join(
        f"`{unquote(column.strip().split('.')[-1])}` = _s._v{index}"
        for index, (column, _, _) in enumerate(pairs)
    )
    spark.sql(f"{merge} WHEN MATCHED THEN UPDATE SET {changes}")
    return result(spark, "update", done(spark))


def _merge_by_rows(
    spark: LocalSpark, name: str, alias: str | None, condition: str, values: Sequence[str]
) -> str:
    """The head of a MERGE whose source are the rows that fulfil a condition, each different row once.

    Rows that are equal in all columns fulfil the condition together, so matching by all columns changes the
    rows it should and no others. The hash lets Sail join by equality.
    """
    fields = [field["name"] for field in delta_log.read_snapshot(table_folder(spark, name)).fields]
    table = f"`{alias or spark.registry.parts(name)[-1]}`"
    computed = [f"{value.strip()} AS _v{index}" for index, value in enumerate(values)]
    hashed = f"xxhash64({', '.join(f'{table}.`{field}`' for field in fields)}) AS _h"
    columns = ", ".join([f"{table}.*", hashed, *computed])
    source = f"SELECT DISTINCT {columns} FROM {name} AS {table} WHERE {condition}"
    same = " AND ".join(f"_t.`{field}` <=> _s.`{field}`" for field in fields)
    key = f"xxhash64({', '.join(f'_t.`{field}`' for field in fields)}) = _s._h"
    return f"MERGE INTO {name} AS _t USING ({source}) AS _s ON {key} AND {same}"


def _split_where(text: str) -> tuple[str, str]:
    """(assignments, condition) of what follows SET: split at the WHERE outside brackets, if any."""
    depth, position = 0, 0
    for piece in pieces(text):
        if piece.kind == "code":
            for match in re.finditer(r"[()]|\bwhere\b", piece.text, re.I):
                if match[0] in "()":
                    depth += 1 if match[0] == "(" else -1
                elif depth == 0:
                    cut = position + match.start()
                    return text[:cut], text[cut + len("where") :].strip()
        position += len(piece.text)
    return text, "true"
