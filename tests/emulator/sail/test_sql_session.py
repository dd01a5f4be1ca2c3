"""Variables, EXECUTE IMMEDIATE, IDENTIFIER, functions of users and recursive queries."""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally


def rows(spark: LocalSpark, query: str, args: Any = None) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in spark.sql(query, args=args).collect()]


def test_variables(spark: LocalSpark) -> None:
    spark.sql("DECLARE OR REPLACE x INT DEFAULT 5")
    spark.sql("DECLARE OR REPLACE VARIABLE s = 'it\\'s'")
    spark.sql("DECLARE OR REPLACE VARIABLE arr = array(1, 2, 3)")
    spark.sql("DECLARE OR REPLACE VARIABLE p, q STRING")
    found = spark.sql("SELECT x, x+1, a, x*a AS b, session.x, system.session.s FROM VALUES (2) t(a)")
    assert found.columns == ["x", "(x + 1)", "a", "b", "x", "s"]
    assert [tuple(row) for row in found.collect()] == [(5, 6, 2, 10, 5, "it's")]
    assert rows(spark, "SELECT x FROM VALUES (99) t(x)") == [(99,)], "a column comes first"
    assert rows(spark, "SELECT arr[1], typeof(arr), p") == [(2, "array<int>", None)]
    spark.sql("SET VAR x = x * 2, q = 'z'")
    spark.sql("SET VARIABLE (p, s) = (SELECT 'a', NULL WHERE false)")
    assert rows(spark, "SELECT x, q, p, s") == [(10, "z", None, None)]
    spark.sql("SET VAR x = DEFAULT")
    assert rows(spark, "SELECT x") == [(5,)]
    with pytest.raises(AnalysisException, match="VARIABLE_ALREADY_EXISTS"):
        spark.sql("DECLARE x INT")
    with pytest.raises(AnalysisException, match="UNRESOLVED_VARIABLE"):
        spark.sql("SET VAR nosuch = 1")
    with pytest.raises(AnalysisException, match="ROW_SUBQUERY_TOO_MANY_ROWS"):
        spark.sql("SET VAR (x, q) = (SELECT id, 'a' FROM range(2))")
    spark.sql("DROP TEMPORARY VARIABLE x")
    spark.sql("DROP TEMPORARY VARIABLE IF EXISTS x")
    with pytest.raises(AnalysisException, match="UNRESOLVED_COLUMN"):
        spark.sql("SELECT x")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("range(low, 5)", 2),
        ("range(9) t JOIN range(9) u ON t.id = low AND u.id = low", 1),
        ("(SELECT low) t", 1),
    ],
)
def test_a_variable_in_what_a_query_reads_from(
    spark: LocalSpark, monkeypatch: pytest.MonkeyPatch, source: str, expected: int
) -> None:
    spark.sql("DECLARE OR REPLACE low INT DEFAULT 3")
    sent: list[str] = []
    plain_sql = spark.plain_sql

    def counted(text: str, *args: Any, **frames: Any) -> Any:
        sent.append(text)
        return plain_sql(text, *args, **frames)

    monkeypatch.setattr(spark, "plain_sql", counted)
    assert rows(spark, f"SELECT count(*) FROM {source} WHERE low = 3") == [(expected,)]
    assert len(sent) < 30, "the tables were asked for their columns again and again"


def test_variables_in_statements_that_write(spark: LocalSpark) -> None:
    spark.sql("DECLARE OR REPLACE lim INT DEFAULT 5")
    spark.sql("CREATE OR REPLACE TABLE main.default.vars (a INT, b STRING)")
    spark.sql("INSERT INTO main.default.vars VALUES (lim, 'x'), (1, 'y')")
    spark.sql("UPDATE main.default.vars SET b = 'five' WHERE a = lim")
    spark.sql("DELETE FROM main.default.vars WHERE a < lim")
    assert rows(spark, "SELECT * FROM main.default.vars WHERE a = lim") == [(5, "five")]
    spark.sql("DECLARE OR REPLACE tab = 'vars'")
    assert rows(spark, "SELECT count(*) FROM IDENTIFIER('main.default.' || tab)") == [(1,)]
    assert rows(spark, "SELECT max(a) FROM IDENTIFIER(:c || '.default.vars')", {"c": "main"}) == [(5,)]


def test_execute_immediate(spark: LocalSpark) -> None:
    spark.sql("DECLARE OR REPLACE y INT DEFAULT 2")
    spark.sql("DECLARE OR REPLACE text = 'SELECT ? + ? AS r'")
    assert rows(spark, "EXECUTE IMMEDIATE text USING 5, y") == [(7,)]
    assert rows(spark, "EXECUTE IMMEDIATE 'SELECT :a * :b AS r' USING (5 AS a, y AS b)") == [(10,)]
    spark.sql("EXECUTE IMMEDIATE 'SELECT max(id) FROM range(' || 9 || ')' INTO y")
    assert rows(spark, "SELECT y") == [(8,)]


def test_functions(spark: LocalSpark) -> None:
    spark.sql(
        "CREATE OR REPLACE FUNCTION main.default.area(w DOUBLE, h DOUBLE DEFAULT 2) RETURNS DOUBLE COMMENT 'c' RETURN w * h"
    )
    found = spark.sql(
        "SELECT main.default.area(3, 4), main.default.area(h => 1, w => 7) AS b, 'main.default.area(1)' AS t"
    )
    assert found.columns[1:] == ["b", "t"]
    assert [tuple(row) for row in found.collect()] == [(12.0, 7.0, "main.default.area(1)")]
    spark.sql("CREATE OR REPLACE TEMPORARY FUNCTION twice(a INT) RETURN main.default.area(a)")
    assert rows(spark, "SELECT a, twice(twice(a)) FROM VALUES (1), (2) t(a) WHERE twice(a) > 2") == [(2, 8.0)]
    spark.sql(
        "CREATE OR REPLACE FUNCTION main.default.squares(lo INT, hi INT) RETURNS TABLE (n INT, sq INT) RETURN SELECT id, id*id FROM range(lo, hi)"
    )
    assert rows(spark, "SELECT sum(sq) FROM main.default.squares(1, 4)") == [(14,)]
    with pytest.raises(AnalysisException, match="requires 2 parameters but the actual number is 0"):
        spark.sql("SELECT main.default.area()")
    with pytest.raises(AnalysisException, match="ROUTINE_ALREADY_EXISTS"):
        spark.sql("CREATE FUNCTION main.default.area(w INT) RETURNS INT RETURN w")
    with pytest.raises(NotSupportedLocally, match="another language than SQL"):
        spark.sql("CREATE FUNCTION py(a INT) RETURNS INT LANGUAGE PYTHON AS $$ return a $$")
    spark.sql("DROP FUNCTION main.default.area")
    spark.sql("DROP FUNCTION IF EXISTS main.default.area")
    with pytest.raises(AnalysisException, match="ROUTINE_NOT_FOUND"):
        spark.sql("DROP FUNCTION main.default.area")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r WHERE n < 4) SELECT * FROM r ORDER BY n",
         [(1,), (2,), (3,), (4,)]),
        ("WITH RECURSIVE e AS (SELECT 1 AS id, CAST(NULL AS INT) AS boss, 'a' AS name UNION ALL SELECT 2, 1, 'b'), "
         "t AS (SELECT id, name, 0 AS lvl FROM e WHERE boss IS NULL UNION ALL "
         "SELECT e.id, t.name || '>' || e.name, lvl + 1 FROM e JOIN t ON e.boss = t.id) SELECT * FROM t ORDER BY id",
         [(1, "a", 0), (2, "a>b", 1)]),
        ("WITH RECURSIVE r(n) MAX RECURSION LEVEL 200 AS (SELECT 1 UNION ALL SELECT n+1 FROM r WHERE n < 150) "
         "SELECT max(n), count(*) FROM r", [(150, 150)]),
        ("SELECT 'WITH RECURSIVE r' AS t", [("WITH RECURSIVE r",)]),
    ],
)  # fmt: skip
def test_recursive_queries(spark: LocalSpark, query: str, expected: list[tuple[Any, ...]]) -> None:
    assert rows(spark, query) == expected


def test_a_recursion_without_an_end_is_an_error(spark: LocalSpark) -> None:
    with pytest.raises(AnalysisException, match="RECURSION_LEVEL_LIMIT_EXCEEDED"):
        spark.sql("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT * FROM r")
    with pytest.raises(NotSupportedLocally, match="A view over WITH RECURSIVE"):
        spark.sql("CREATE VIEW main.default.rec AS WITH RECURSIVE r(n) AS (SELECT 1) SELECT * FROM r")
