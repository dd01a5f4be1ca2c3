SELECT v FROM VALUES (1), (NULL), (3) t(v) ORDER BY v
SELECT v FROM VALUES (1), (NULL), (3) t(v) ORDER BY v DESC
SELECT v FROM VALUES (1), (NULL), (3) t(v) ORDER BY v NULLS LAST
SELECT v FROM VALUES (1), (NULL), (3) t(v) ORDER BY v DESC NULLS FIRST
SELECT count(*) FROM VALUES (NULL), (1) a(x) JOIN VALUES (NULL), (1) b(y) ON x <=> y
SELECT count(*) FROM VALUES (NULL), (1) a(x) JOIN VALUES (NULL), (1) b(y) ON x = y
SELECT 1 WHERE 1 NOT IN (SELECT * FROM VALUES (2), (NULL) t(v))
SELECT x FROM VALUES (1), (2), (NULL) a(x) WHERE x NOT IN (SELECT y FROM VALUES (2), (NULL) b(y)) ORDER BY x
SELECT x FROM VALUES (1), (2), (NULL) a(x) WHERE x NOT IN (SELECT y FROM VALUES (2), (3) b(y)) ORDER BY x
SELECT x FROM VALUES (1), (2), (NULL) a(x) WHERE x NOT IN (SELECT y FROM VALUES (2) b(y) WHERE y > 5) ORDER BY x
SELECT x FROM VALUES (1), (2), (NULL) a(x) WHERE x IN (SELECT y FROM VALUES (2), (NULL) b(y)) ORDER BY x
SELECT x, x IN (1, NULL), x NOT IN (1, NULL), x NOT IN (5, 6) FROM VALUES (1), (2), (NULL) a(x) ORDER BY x
SELECT x, x IN (SELECT y FROM VALUES (2), (NULL) b(y)) i FROM VALUES (1), (2), (NULL) a(x) ORDER BY x
SELECT x, x NOT IN (SELECT y FROM VALUES (2), (NULL) b(y)) i FROM VALUES (1), (2), (NULL) a(x) ORDER BY x
SELECT x FROM VALUES (1), (2) a(x) WHERE NOT (x IN (SELECT y FROM VALUES (2), (NULL) b(y)))
SELECT x FROM VALUES (1), (2), (NULL) a(x) WHERE x > 5 OR x NOT IN (SELECT y FROM VALUES (2), (NULL) b(y)) ORDER BY x
SELECT x FROM VALUES (1, 1), (2, 1) a(x, k) WHERE x NOT IN (SELECT y FROM VALUES (2, 1), (NULL, 2) b(y, j) WHERE b.j = a.k) ORDER BY x
SELECT a, b FROM VALUES (1, 1), (2, NULL) t(a, b) WHERE (a, b) NOT IN (SELECT * FROM VALUES (1, 2), (3, NULL) s(c, d)) ORDER BY a
SELECT x FROM VALUES (1), (2), (NULL) a(x) WHERE NOT EXISTS (SELECT 1 FROM VALUES (2), (NULL) b(y) WHERE x = y) ORDER BY x
SELECT greatest(1, NULL, 3), least(NULL, 2), concat('a', NULL), NULL AND false, NULL OR true, NULL AND true, NOT NULL, nvl2(NULL, 1, 2)
SELECT NULL = NULL, NULL <=> NULL, 1 <=> NULL, NULL IS NULL, NULL IS DISTINCT FROM 1, 1 IS NOT DISTINCT FROM 1
SELECT count(*), count(v), sum(v), avg(v), min(v), max(v) FROM VALUES (NULL), (NULL) t(v) WHERE false
SELECT count(*), count(v), count(DISTINCT v), sum(v), avg(v) FROM VALUES (1), (NULL), (1), (4) t(v)
SELECT DISTINCT v FROM VALUES (NULL), (1), (NULL) t(v) ORDER BY v
SELECT v, count(*) FROM VALUES (NULL), (1), (NULL) t(v) GROUP BY v ORDER BY v
SELECT CASE NULL WHEN NULL THEN 'eq' ELSE 'not' END, CASE WHEN v THEN 1 ELSE 2 END, if(v, 1, 2), nullif(NULL, 1), ifnull(NULL, 3), nvl(NULL, NULL) FROM VALUES (CAST(NULL AS BOOLEAN)) t(v)
SELECT isnull(NULL), isnotnull(1), NULL IN (1), 1 IN (NULL), 1 BETWEEN NULL AND 2, 5 BETWEEN NULL AND 2
SELECT max(v), min(v), max_by(v, o), first(v), first(v, true), last(v), any_value(v) FROM VALUES (NULL, 1), (CAST('NaN' AS DOUBLE), 2), (1D, 3) t(v, o)
SELECT v FROM VALUES (CAST('NaN' AS DOUBLE)), (1D), (CAST('Infinity' AS DOUBLE)), (NULL), (-1D) t(v) ORDER BY v
SELECT v, count(*) FROM VALUES (CAST('NaN' AS DOUBLE)), (CAST('NaN' AS DOUBLE)), (0.0D), (-0.0D) t(v) GROUP BY v ORDER BY v
SELECT nullifzero(0), zeroifnull(NULL), equal_null(NULL, NULL), coalesce(NULL, NULL)
SELECT array_contains(array(1, NULL), 2), array_contains(array(1, NULL), 1), size(NULL), size(array()), cardinality(map())
SELECT x + NULL, x || NULL, x > NULL, -CAST(NULL AS INT), abs(NULL) FROM VALUES (1) t(x)
