"""INSERT, UPDATE, DELETE and MERGE: the forms Sail lacks as forms it has, and the row counts Databricks
answers.
"""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException
from sqlglot import exp

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.answers.sql_text import place_of
from dara_dagster.emulator.sail.error_conditions import unresolved_column
from dara_dagster.emulator.sail.sql.handlers import done, statement, table_folder
from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, unquote
from dara_dagster.emulator.sail.syntax.tree import parse
from dara_dagster.emulator.sail.syntax.type_names import delta_type
from dara_dagster.emulator.sail.writes.write_plans import AUTO_MERGE, DYNAMIC_MODE

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["result"]

_INSERT = "INSERT (INTO | overwrite=(OVERWRITE)) [TABLE] <name> "
_ASSIGNMENT = Pattern("<column:rest> '=' <value:rest>")
_FILLED_BY_DELTA = ("delta.identity", "delta.generationExpression", "CURRENT_DEFAULT")


def result(spark: BaseSession, kind: str, answer: DataFrame) -> DataFrame:
    """Return the answer of a statement by its first word; for a write Databricks' counts instead of Sail's
    one (rewritten rows).
    """
    outcome = spark.writes.last
    if kind == "MERGE":
        row = (outcome.affected, outcome.updated, outcome.deleted, outcome.inserted)
        names = ("num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows")
        return spark.rows([row], ", ".join(f"{name} long" for name in names))
    if kind == "INSERT":
        return spark.rows([(outcome.inserted,) * 2], "num_affected_rows long, num_inserted_rows long")
    if kind in ("UPDATE", "DELETE"):
        return spark.rows([(outcome.affected,)], "num_affected_rows long")
    return answer


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@statement(
    "ctes=(WITH <queries:rest>) head=(INSERT (INTO | OVERWRITE) [TABLE] <name> [<columns:group>]) "
    "<query:query>"
)
def insert_after_with(spark: BaseSession, match: Match) -> DataFrame:
    return spark.sql(f"{match['head']} {match['ctes']} {match['query']}")


@statement("MERGE INTO <rest:rest>")
def merge_with_evolution(spark: BaseSession, match: Match) -> DataFrame | None:
    """Run a MERGE under autoMerge, which Sail ignores, with schema evolution."""
    if spark.setting(AUTO_MERGE) != "true":
        return None
    return spark.sql(f"MERGE WITH SCHEMA EVOLUTION INTO {match['rest']}")


@statement(_INSERT + "PARTITION <spec:group> [<columns:group>] <query:query>")
def insert_into_partition(spark: BaseSession, match: Match) -> DataFrame:
    """Insert into `PARTITION (region = 'eu', day)`: the given values become columns of the query."""
    folder = table_folder(spark, match["name"])
    snapshot = delta_log.read_snapshot(folder)
    types = {field["name"]: delta_type(field["type"]) for field in snapshot.fields}
    pairs = [pair for pair in map(_ASSIGNMENT.match, match.items("spec")) if pair]
    fixed = {unquote(pair["column"]): pair["value"] for pair in pairs}
    if match["columns"]:
        given = [unquote(column) for column in match.items("columns")]
    else:
        order = [c for c in types if c not in snapshot.partition_columns] + snapshot.partition_columns
        given = [column for column in order if column not in fixed]
    values = [
        f"CAST({value} AS {types.get(column, 'string')}) AS `{column}`" for column, value in fixed.items()
    ]
    source = f"SELECT {', '.join([_list(given), *values])} FROM ({match['query']}) AS _s({_list(given)})"
    if not match["overwrite"]:
        return spark.sql(f"INSERT INTO {match['name']} ({_list([*given, *fixed])}) {source}")
    rows = spark.sql(f"SELECT {_list(list(types))} FROM ({source})")
    return _overwrite(
        spark, folder, rows, " AND ".join(f"`{column}` = {value}" for column, value in fixed.items())
    )


def _overwrite(spark: BaseSession, folder: Path, rows: DataFrame, condition: str) -> DataFrame:
    writer = rows.write.format("delta").mode("overwrite")
    if condition and spark.setting(DYNAMIC_MODE) != "dynamic":
        writer = writer.option("replaceWhere", condition)
    writer.save(str(folder))
    return result(spark, "INSERT", rows)


@statement(
    "INSERT INTO [TABLE] <name> REPLACE WHERE <condition:rest> "
    "query=((SELECT | WITH | VALUES | TABLE | FROM) <rest:rest>)"
)
def insert_replace_where(spark: BaseSession, match: Match) -> DataFrame:
    """Replace the rows that fulfil a condition by rows that do, too; columns go by their position."""
    folder = table_folder(spark, match["name"])
    fields = delta_log.read_snapshot(folder).fields
    casts = [f"CAST(`{f['name']}` AS {delta_type(f['type'])}) AS `{f['name']}`" for f in fields]
    rows: Any = spark.sql(match["query"])
    if len(rows.columns) != len(fields):
        raise AnalysisException(
            f"[INSERT_COLUMN_ARITY_MISMATCH] Cannot write to {match['name']}: it has {len(fields)} columns, "
            f"the query has {len(rows.columns)}. SQLSTATE: 21S01"
        )
    rows = rows.toDF(*[field["name"] for field in fields]).selectExpr(*casts)
    writer = rows.write.format("delta").mode("overwrite")
    writer.option("replaceWhere", match["condition"]).save(str(folder))
    return result(spark, "INSERT", rows)


@statement("INSERT OVERWRITE [TABLE] <name> <query:query>")
def insert_overwrite_dynamic(spark: BaseSession, match: Match) -> DataFrame | None:
    """Replace only the partitions of the new rows, under partitionOverwriteMode=dynamic."""
    if spark.setting(DYNAMIC_MODE) != "dynamic":
        return None
    snapshot = delta_log.read_snapshot(table_folder(spark, match["name"]))
    if not snapshot.partition_columns:
        return None
    names = [field["name"] for field in snapshot.fields]
    casts = [f"CAST(`{f['name']}` AS {delta_type(f['type'])}) AS `{f['name']}`" for f in snapshot.fields]
    rows: Any = spark.sql(match["query"]).toDF(*names).selectExpr(*casts)
    return _overwrite(spark, table_folder(spark, match["name"]), rows, "")


@statement("INSERT INTO [TABLE] <name> <columns:group> <query:query>")
def insert_some_columns(spark: BaseSession, match: Match) -> DataFrame | None:
    """Insert NULL into the columns left out; Sail wants them named."""
    fields = delta_log.read_snapshot(table_folder(spark, match["name"])).fields
    given = [unquote(column) for column in match.items("columns")]
    named = {column.lower() for column in given}
    for column in given:
        if column.lower() not in {field["name"].lower() for field in fields}:
            raise unresolved_column([column], [field["name"] for field in fields])
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


@statement("INSERT (INTO | OVERWRITE) [TABLE] <name> [<columns:group>] query=(SELECT <rest:rest>)")
def insert_equal_columns(spark: BaseSession, match: Match) -> DataFrame | None:
    """Insert by place, as in `INSERT INTO t SELECT NULL, NULL`; Sail wants the names to differ."""
    text = match.source.text
    tree = parse(text)
    select = tree.expression if isinstance(tree, exp.Insert) else None
    if not isinstance(select, exp.Select):
        return None
    names = [item.alias_or_name.lower() or item.sql().lower() for item in select.expressions]
    edits = []
    for number, item in enumerate(select.expressions):
        where = place_of(item)
        if (
            names.count(names[number]) > 1
            and not isinstance(item, exp.Star | exp.Alias)
            and where is not None
        ):
            edits.append(Edit(*where, f"{where.of(text)} AS `_c{number}`"))
    return spark.sql(apply(text, edits)) if edits else None


@statement("DELETE FROM <name> [[AS] <alias:word>] WHERE <condition:rest>")
def delete_by_subquery(spark: BaseSession, match: Match) -> DataFrame | None:
    if not match.has_query("condition"):
        return None
    merge = _merge_by_rows(spark, match, match["condition"], [])
    spark.sql(f"{merge} WHEN MATCHED THEN DELETE")
    return result(spark, "DELETE", done(spark))


@statement("UPDATE <name> [[AS] <alias:word>] SET <assignments:rest> [WHERE <condition:rest>]")
def update_by_subquery(spark: BaseSession, match: Match) -> DataFrame | None:
    if not (match.has_query("assignments") or match.has_query("condition")):
        return None
    pairs = [pair for pair in map(_ASSIGNMENT.match, match.items("assignments")) if pair]
    merge = _merge_by_rows(spark, match, match["condition"] or "true", [pair["value"] for pair in pairs])
    changes = ", ".join(
        f"`{spark.registry.parts(pair['column'])[-1]}` = _s._v{index}" for index, pair in enumerate(pairs)
    )
    spark.sql(f"{merge} WHEN MATCHED THEN UPDATE SET {changes}")
    return result(spark, "UPDATE", done(spark))


def _merge_by_rows(spark: BaseSession, match: Match, condition: str, values: Sequence[str]) -> str:
    """Return the head of a MERGE whose source are the rows that fulfil a condition, each different row once.

    Rows that are equal in all columns fulfil the condition together, so matching by all columns changes the
    rows it should and no others. The hash lets Sail join by equality.
    """
    name = match["name"]
    fields = [field["name"] for field in delta_log.read_snapshot(table_folder(spark, name)).fields]
    table = f"`{unquote(match.text('alias')) or spark.registry.parts(name)[-1]}`"
    computed = [f"{value} AS _v{index}" for index, value in enumerate(values)]
    hashed = f"xxhash64({', '.join(f'{table}.`{field}`' for field in fields)}) AS _h"
    columns = ", ".join([f"{table}.*", hashed, *computed])
    source = f"SELECT DISTINCT {columns} FROM {name} AS {table} WHERE {condition}"
    same = " AND ".join(f"_t.`{field}` <=> _s.`{field}`" for field in fields)
    key = f"xxhash64({', '.join(f'_t.`{field}`' for field in fields)}) = _s._h"
    return f"MERGE INTO {name} AS _t USING ({source}) AS _s ON {key} AND {same}"
