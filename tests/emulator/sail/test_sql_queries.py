"""Query syntax that Sail lacks: what it means, in queries of every shape."""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F

from dara_dagster.emulator.sail.session import LocalSpark

Rows = list[tuple[Any, ...]]


def _rows(spark: LocalSpark, query: str) -> Rows:
    return [tuple(row) for row in spark.sql(query).collect()]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        # A column comes before an alias of the same name, as in Spark.
        ("SELECT a+1 AS a, a*2 AS b, b+1 AS c FROM VALUES (10) AS t(a)", [(11, 20, 21)]),
        ("SELECT a AS x, x+1 AS y, y*x AS z FROM VALUES (3) t(a)", [(3, 4, 12)]),
        ("SELECT * FROM (SELECT a+1 AS q, q+1 AS r FROM VALUES (1) t(a)) WHERE r = 3", [(2, 3)]),
        ("SELECT k, v FROM VALUES (1,2),(1,3) t(k,v) QUALIFY row_number() OVER (PARTITION BY k ORDER BY v) = 1",
         [(1, 2)]),
        ("SELECT k, row_number() OVER (ORDER BY v) AS n FROM VALUES (1,2),(5,1) t(k,v) QUALIFY n = 1", [(5, 1)]),
        ("SELECT k, sum(v) AS s FROM VALUES (1,2),(2,9),(1,3) t(k,v) GROUP BY k "
         "QUALIFY rank() OVER (ORDER BY sum(v) DESC) = 1 ORDER BY k LIMIT 1", [(2, 9)]),
        ("SELECT DISTINCT v FROM VALUES (1,7),(2,7) t(k,v) QUALIFY count(*) OVER () = 2", [(7,)]),
        ("WITH w AS (SELECT * FROM VALUES (1,2) t(a,b)) SELECT * EXCEPT (b) FROM w", [(1,)]),
        ("SELECT t.* EXCEPT (a), u.c FROM VALUES (1,2) t(a,b) JOIN VALUES (1,3) u(a,c) ON t.a = u.a", [(2, 3)]),
        ("SELECT k, max(v) m, 1 AS one FROM VALUES (1,2),(1,3) t(k,v) GROUP BY ALL", [(1, 3, 1)]),
        ("SELECT * FROM VALUES (2,1),(1,9),(1,2) t(a,b) ORDER BY ALL DESC", [(2, 1), (1, 9), (1, 2)]),
        ("SELECT 2 AS a UNION ALL SELECT 1 ORDER BY ALL", [(1,), (2,)]),
        ("""SELECT c:k::int + 1, c:l[1], c:o.p, c:['q r'] FROM VALUES
            ('{"k":1,"l":[1,2],"o":{"p":"x"},"q r":5}') t(c)""", [(2, "2", "x", "5")]),
        ("SELECT CAST(named_struct('a', 1) AS STRUCT<a: BIGINT, b: INT>) FROM VALUES (1) t(x) WHERE false", []),
        ("FROM VALUES (1,2),(3,4),(3,6) t(a,b) |> WHERE a > 1 |> AGGREGATE sum(b) AS s GROUP BY a "
         "|> EXTEND s + 1 AS n |> DROP a |> AS x |> SELECT x.s, n", [(10, 11)]),
        ("SELECT decode(x, 1, 'one', NULL, 'none', 'more') FROM VALUES (1),(NULL),(3) t(x)",
         [("one",), ("none",), ("more",)]),
        ("SELECT iff(true, decode(1, 2, 'a'), 'b')", [(None,)]),
        ("SELECT a, a LIKE ALL ('%x%','y%') FROM VALUES ('yx'),(NULL) t(a)", [("yx", True), (None, None)]),
        ("SELECT a FROM VALUES ('yx'),('b'),(NULL) t(a) WHERE a NOT LIKE ANY ('%x%','y%')", [("b",)]),
        ("SELECT a FROM VALUES ('yx'),('xx'),('b') t(a) WHERE a||'' NOT ILIKE ALL ('%X%','y%') AND NOT a LIKE SOME ('c')",
         [("b",)]),
        ("SELECT zip_with(a, b, (x, y) -> x+y+c) FROM VALUES (array(1,2),array(3,4,5),7),(array(),array(),1),"
         "(NULL,array(1),1) t(a,b,c)", [([11, 13, None],), ([],), (None,)]),
        ("SELECT zip_with(array(1,2), array(3,4), (x, y) -> zip_with(array(x), array(y), (p, q) -> p*q+x))",
         [([[4], [10]],)]),
        ("SELECT transform_keys(map(1,2), (k,v)->k+v), map_filter(map(1,2,3,0), (k,v)->k<v), "
         "transform_values(map(1,2), (k,v)->v+k)", [({3: 2}, {1: 2}, {1: 3})]),
        ("SELECT map_zip_with(map(1,2), map(1,3,2,9), (k,a,b) -> coalesce(a,0)+b)", [({1: 5, 2: 9},)]),
        ("SELECT posexplode(map('a',1,'b',2))", [(0, "a", 1), (1, "b", 2)]),
        ("SELECT k, v FROM VALUES (1) t(a) LATERAL VIEW explode(map_from_arrays(array('a'), array(1))) x AS k, v",
         [("a", 1)]),
        ("SELECT percentile_approx(v, array(0.25,0.5,0.75)) FROM VALUES (1),(2),(3),(4) t(v)", [([1, 2, 3],)]),
        ("SELECT percentile_approx(v, array(0.25)) FROM VALUES (1) t(v) WHERE false", [(None,)]),
        ("SELECT * FROM VALUES ('x','q1',1),('x','q2',2),('y','q1',3) t(n,q,v) PIVOT (sum(v) FOR q IN ('q1','q2'))",
         [("x", 1, 2), ("y", 3, None)]),
        ("SELECT * FROM VALUES (1,2) t(a,b) UNPIVOT (v FOR k IN (a,b))", [("a", 1), ("b", 2)]),
        ("SELECT * FROM (SELECT 'x' AS n, 1 AS a, 2 AS b, 3 AS c, 4 AS d) UNPIVOT ((v,w) FOR k IN ((a,c) AS `1`,(b,d)))",
         [("x", "1", 1, 3), ("x", "b_d", 2, 4)]),
        ("WITH t AS (SELECT 1 AS a, NULL AS b) SELECT z.* FROM t UNPIVOT INCLUDE NULLS ((v, w) FOR k IN ((a, a), (b, b))) AS z",
         [("a_a", 1, 1), ("b_b", None, None)]),
    ],
)  # fmt: skip
def test_newer_syntax(spark: LocalSpark, query: str, rows: Rows) -> None:
    assert _rows(spark, query) == rows


def test_a_column_without_an_alias_has_the_name_of_what_was_written(spark: LocalSpark) -> None:
    query = "SELECT weekday( d ) +1, iff(true,'a','b'), current_user(), j:a.b::int FROM VALUES (DATE'2024-01-07', '{}') t(d, j)"
    assert spark.sql(query).columns == ["(weekday(d) + 1)", "iff(true, a, b)", "current_user()", "b"]


def test_higher_order_functions_of_data_frames(spark: LocalSpark) -> None:
    frame = spark.sql("SELECT array(1,2) a, array(3,4,5) b, map('x',1,'y',2) m, map('y',5) n")
    found = frame.select(
        F.zip_with("a", "b", lambda x, y: F.zip_with(F.array(x), F.array(y), lambda p, q: p * q + x)),
        F.transform_keys("m", lambda k, v: F.concat(k, v.cast("string"))),
        F.transform_values("m", lambda k, v: v + 1),
        F.map_filter("m", lambda k, v: v > 1),
        F.map_zip_with("m", "n", lambda k, a, b: F.coalesce(a, F.lit(0)) + F.coalesce(b, F.lit(0))),
    )
    assert tuple(found.first() or ()) == (
        [[4], [10], [None]], {"x1": 1, "y2": 2}, {"x": 2, "y": 3}, {"y": 2}, {"x": 1, "y": 7},
    )  # fmt: skip
    pairs = spark.range(1).select(F.explode(F.create_map(F.lit("a"), F.lit(1))).alias("k", "v"))
    assert [tuple(row) for row in pairs.collect()] == [("a", 1)]


def test_quantiles_of_data_frames(spark: LocalSpark) -> None:
    numbers = spark.sql("SELECT id, IF(id = 0, double('NaN'), NULL) AS x FROM range(10)")
    assert numbers.approxQuantile("id", [0.0, 0.25, 0.5, 1.0], 0.0) == [0.0, 2.0, 4.0, 9.0]
    assert numbers.stat.approxQuantile(["id", "x"], [0.5], 0.1) == [[4.0], []]
    assert numbers.agg(F.percentile_approx("id", [0.25, 0.5])).first() == ([2, 4],)


def test_a_table_made_of_a_query_takes_nulls(spark: LocalSpark) -> None:
    spark.sql("CREATE OR REPLACE TABLE main.default.made AS SELECT 1 AS a, NULL AS b")
    spark.sql("INSERT INTO main.default.made VALUES (NULL, 'x')")
    spark.range(1).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable("main.default.made")
    spark.sql("INSERT INTO main.default.made VALUES (NULL)")
    assert _rows(spark, "SELECT * FROM main.default.made ORDER BY 1") == [(None,), (0,)]
    assert len(_rows(spark, "DESCRIBE HISTORY main.default.made")) == 4
