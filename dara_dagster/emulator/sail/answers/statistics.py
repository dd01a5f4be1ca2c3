"""describe() and summary(), which Sail 0.7.2 answers in any order, with quantiles between the values.

Source: https://spark.apache.org/docs/4.0.1/api/python/reference/pyspark.sql/api/pyspark.sql.DataFrame.summary.html
"""

from __future__ import annotations

from collections.abc import Iterator

import pyspark.sql.connect.proto as pb
from pyspark.sql.types import DataType, DoubleType, StringType, StructField, StructType

from dara_dagster.emulator.sail.answers.builder import Term
from dara_dagster.emulator.sail.answers.casts import text_of
from dara_dagster.emulator.sail.answers.expressions import BUILD, aliased, column, projection
from dara_dagster.emulator.sail.answers.rules import apply_aggregate
from dara_dagster.emulator.sail.answers.spark_types import is_numeric

__all__ = ["statistics"]

_DESCRIBED = ["count", "mean", "stddev", "min", "max"]
_SUMMARISED = ["count", "mean", "stddev", "min", "25%", "50%", "75%", "max"]


def statistics(relation: pb.Relation, schema: StructType) -> pb.Relation:
    """Return the same statistics by an aggregate of our own. `schema` is that of the relation's input."""
    if relation.HasField("describe"):
        source, names, asked = relation.describe.input, list(relation.describe.cols), _DESCRIBED
    else:
        source, names = relation.summary.input, []
        asked = list(relation.summary.statistics) or _SUMMARISED
    fields = [field for field in schema if _has_statistics(field.dataType)]
    if names:
        fields = [field for name in names for field in schema if field.name.lower() == name.lower()]
    values = [aliased(value, f"_{i}") for i, value in enumerate(_values(asked, fields))]
    totals = pb.Relation(
        aggregate=pb.Aggregate(
            input=projection(source, list(_columns(fields))),
            group_type=pb.Aggregate.GROUP_TYPE_GROUPBY,
            aggregate_expressions=values,
        )
    )
    rows, width = [], len(fields)
    for i, statistic in enumerate(asked):
        cells = [BUILD.value("summary"), BUILD.value(statistic)]
        for j, field in enumerate(fields):
            cells += [BUILD.value(field.name), column(f"_{i * width + j}")]
        rows.append(BUILD.call("named_struct", *cells))
    table = BUILD.call("inline", BUILD.call("array", *rows))
    return pb.Relation(project=pb.Project(input=totals, expressions=[table]))


def _has_statistics(kind: DataType) -> bool:
    return is_numeric(kind) or isinstance(kind, StringType)


def _values(asked: list[str], fields: list[StructField]) -> Iterator[pb.Expression]:
    """Yield the cells of the table, row by row."""
    for statistic in asked:
        for number, field in enumerate(fields):
            yield BUILD.cast(text_of(BUILD, _value(statistic, number, field.dataType)), "string")


def _columns(fields: list[StructField]) -> Iterator[pb.Expression]:
    """Yield the columns, and as numbers those that are text."""
    for number, field in enumerate(fields):
        yield aliased(column(field.name), f"_{number}")
        if isinstance(field.dataType, StringType):
            yield aliased(BUILD.cast(column(field.name), "double", lenient=True), f"_number_{number}")


def _value(statistic: str, number: int, kind: DataType) -> Term[pb.Expression]:
    name = column(f"_{number}")
    if statistic in ("count", "count_distinct", "approx_count_distinct"):
        return Term(BUILD.call(statistic, name))
    if statistic in ("min", "max"):
        return Term(BUILD.call(statistic, name), kind)
    if isinstance(kind, StringType):
        name, kind = column(f"_number_{number}"), DoubleType()
    if statistic == "mean":
        inner, outer, mean = apply_aggregate("avg", kind)
        found = BUILD.call("avg", BUILD.cast(name, inner) if inner else name)
        return Term(BUILD.cast(found, outer) if outer else found, mean)
    if statistic.endswith("%"):
        share = BUILD.value(float(statistic[:-1]) / 100)
        rank = BUILD.call("ceil", BUILD.call("*", share, BUILD.call("count", name)))
        place = BUILD.cast(BUILD.call("greatest", rank, BUILD.value(1)), "int")
        values = BUILD.call("sort_array", BUILD.call("collect_list", name))
        return Term(BUILD.call("get", values, BUILD.call("-", place, BUILD.value(1))), kind)
    return Term(BUILD.call(statistic, name), DoubleType())
