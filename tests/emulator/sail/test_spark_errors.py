"""Errors come in Spark's words, with its condition, class and suggestion, from SQL and DataFrame calls."""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.errors import ArithmeticException, NumberFormatException, ParseException, PySparkException
from pyspark.sql import functions as F

from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

MISSING = "UNRESOLVED_COLUMN.WITH_SUGGESTION"


@pytest.fixture(scope="module")
def table(spark: LocalSpark) -> str:
    spark.sql("CREATE OR REPLACE TABLE main.default.err_orders (id INT, amount INT)")
    return "main.default.err_orders"


@pytest.mark.parametrize(
    "name", ["ai_query", "h3_kring", "st_area", "try_parse_timestamp", "input_file_name"]
)
def test_functions_that_only_databricks_has_are_refused_by_name(spark: LocalSpark, name: str) -> None:
    with pytest.raises(NotSupportedLocally, match=rf"The function {name}\(\) is not supported by the local"):
        spark.range(1).select(F.expr(f"{name}('model', 'text')")).collect()


@pytest.mark.parametrize("name", ["ai_nosuch", "h3_nosuch", "try_decompress", "col", "lit", "udf"])
def test_names_that_sql_on_databricks_does_not_know_are_unresolved(spark: LocalSpark, name: str) -> None:
    with pytest.raises(PySparkException) as caught:
        spark.sql(f"SELECT {name}('x')").collect()
    assert caught.value.getCondition() == "UNRESOLVED_ROUTINE"


def test_a_constraint_that_is_not_there_cannot_be_dropped(spark: LocalSpark, table: str) -> None:
    with pytest.raises(PySparkException, match="DELTA_CONSTRAINT_DOES_NOT_EXIST"):
        spark.sql(f"ALTER TABLE {table} DROP CONSTRAINT nope")
    spark.sql(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS nope")


@pytest.mark.parametrize(
    ("query", "condition", "words"),
    [
        ("SELECT nosuch FROM VALUES (1,2) t(aa, nosucha)", MISSING, "[`nosucha`, `aa`]"),
        ("SELECT 1,\n  t.nosuch FROM VALUES (1) t(a)", MISSING, "[`t`.`a`]. SQLSTATE: 42703; line 2 pos 4"),
        ("SELECT a FROM (SELECT 1 AS a) WHERE c = 1", MISSING, "`c` cannot be resolved. Did you mean one of"),
        ("SELECT s.b FROM (SELECT named_struct('a', 1) AS s)", "FIELD_NOT_FOUND", "No such struct field `b`"),
        ("UPDATE {table} SET amout = 1", MISSING, "[`amount`, `id`]"),
        ("DELETE FROM {table} WHERE amout = 1", MISSING, "[`amount`, `id`]"),
        ("INSERT INTO {table} (id, amout) VALUES (1, 2)", MISSING, "[`amount`, `id`]"),
        ("SELECT * FROM main.default.err_order", "TABLE_OR_VIEW_NOT_FOUND", "following? [`main`.`default`.`err_orders`]"),
        ("SELECT * FROM main.nope.t", "TABLE_OR_VIEW_NOT_FOUND", "`main`.`nope`.`t` cannot be found"),
        ("DROP TABLE nosuch", "TABLE_OR_VIEW_NOT_FOUND", "[TABLE_OR_VIEW_NOT_FOUND] The table or view nosuch"),
        ("SELECT nosuch(1)", "UNRESOLVED_ROUTINE", "Cannot resolve routine `nosuch` on search path"),
        ("SELECT 1 UNION SELECT 1, 2", "NUM_COLUMNS_MISMATCH", "the second input has 2 columns"),
        ("SELECT a, sum(b), c FROM VALUES (1,2,3) t(a,b,c) GROUP BY a", "MISSING_AGGREGATION", "GROUP BY"),
    ],
)  # fmt: skip
def test_statements(spark: LocalSpark, table: str, query: str, condition: str, words: str) -> None:
    with pytest.raises(PySparkException) as caught:
        spark.sql(query.format(table=table)).collect()
    assert caught.value.getCondition() == condition
    assert words in str(caught.value)
    assert str(caught.value).count(f"[{condition}]") == 1


@pytest.mark.parametrize(
    ("action", "condition", "words"),
    [
        (lambda frame: frame.select("t.nosuch"), MISSING, "[`t`.`name`, `t`.`a`]"),
        (lambda frame: frame.filter("nme > 1").count(), MISSING, "[`name`, `a`]"),
        (lambda frame: frame.groupBy("nme").agg(F.sum("a")), MISSING, "[`name`, `a`]"),
        (lambda frame: frame.join(frame, "nme"), MISSING, "[`name`, `a`]"),
        (
            lambda frame: frame.write.insertInto("main.default.err_order"),
            "TABLE_OR_VIEW_NOT_FOUND",
            "`err_orders`]",
        ),
        (lambda frame: frame.join(frame.alias("u")).select("a"), "AMBIGUOUS_REFERENCE", "`a` is ambiguous"),
    ],
)
def test_data_frames(
    spark: LocalSpark, table: str, action: Callable[[Any], Any], condition: str, words: str
) -> None:
    frame = spark.sql("SELECT 1 AS a, 'x' AS name").alias("t")
    with pytest.raises(PySparkException) as caught:
        _ = getattr(action(frame), "schema", None)
    assert caught.value.getCondition() == condition
    assert words in str(caught.value)


def test_values_that_do_not_fit(spark: LocalSpark) -> None:
    with pytest.raises(
        NumberFormatException, match=r"The value 'x' of the type \"STRING\" cannot be cast to \"INT\""
    ):
        spark.sql("SELECT CAST(v AS INT) FROM VALUES ('x') t(v)").collect()
    with pytest.raises(ArithmeticException, match=r"^\[DIVIDE_BY_ZERO\] Division by zero"):
        spark.sql("SELECT 1 / v FROM VALUES (0) t(v)").collect()
    with pytest.raises(ParseException, match=r"^\[PARSE_SYNTAX_ERROR\] Syntax error at or near 'selec'"):
        spark.sql("selec 1")


def test_an_engine_that_breaks_off_says_so_in_a_sentence(spark: LocalSpark) -> None:
    with pytest.raises(PySparkException, match=r"^\[INTERNAL_ERROR\] The local engine broke off") as caught:
        spark.sql("SELECT explode(map())").collect()
    assert "Rendezvous" not in str(caught.value)


def test_a_function_of_spark_that_is_lacking_is_named(spark: LocalSpark) -> None:
    with pytest.raises(
        PySparkException, match=r"The function input_file_name\(\) is not supported by the local"
    ):
        spark.sql("SELECT input_file_name()").collect()
