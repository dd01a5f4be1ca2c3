"""Query syntax that Sail lacks: what it means, in queries of every shape."""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import pytest

from dara_dagster.emulator.engine.session import LocalSpark

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
    ],
)  # fmt: skip
def test_newer_syntax(spark: LocalSpark, query: str, rows: Rows) -> None:
    assert _rows(spark, query) == rows
