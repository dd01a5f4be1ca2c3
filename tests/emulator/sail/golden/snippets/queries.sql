SELECT a + 1 AS a, a * 2 AS b, b + 1 AS c FROM VALUES (10) t(a)
SELECT 1 AS a, a + 1 AS b, a + b AS c
SELECT 'bob@v8.io' AS e, 'weekday(d)' AS f, '/* no comment */' g, '-- neither' h
SELECT 'use IDENTIFIER("t") here', ':name', '?', "QUALIFY", 'GROUP BY ALL', 'a -> b', '1 / 2 * avg(x)'
SELECT * EXCEPT (age) FROM people ORDER BY id LIMIT 1
SELECT `id` AS `my id`, name AS `select` FROM people WHERE `id` = 1
SELECT * FROM VALUES (1, 'a', 1), (1, 'b', 2), (2, 'a', 3) t(id, k, v) PIVOT (sum(v) FOR k IN ('a', 'b')) ORDER BY id
SELECT * FROM VALUES (1, 'a', 1), (1, 'b', 2), (2, 'a', 3) t(id, k, v) PIVOT (sum(v) s, count(v) c FOR k IN ('a', 'b')) ORDER BY id
SELECT * FROM VALUES (1, 'a', 1), (1, 'b', 2) t(id, k, v) PIVOT (max(v) FOR k IN ('a' AS first, 'b' AS second))
SELECT * FROM (SELECT id, city, age FROM people) PIVOT (count(age) FOR city IN (1, 2)) ORDER BY id
SELECT * FROM VALUES (1, 10, NULL) t(id, a, b) UNPIVOT (v FOR k IN (a, b))
SELECT * FROM VALUES (1, 10, NULL) t(id, a, b) UNPIVOT INCLUDE NULLS (v FOR k IN (a, b)) ORDER BY k
SELECT * FROM VALUES (1, 10, 20) t(id, a, b) UNPIVOT (v FOR k IN (a AS x, b AS y)) ORDER BY k
SELECT CASE WHEN age > 35 THEN 'old' WHEN age > 30 THEN 'mid' END g, count(*) FROM people GROUP BY g ORDER BY g
SELECT CASE city WHEN 1 THEN 'one' ELSE 'other' END FROM people WHERE id = 1
SELECT decode(2, 1, 'a', 2, 'b', 'z'), decode(NULL, NULL, 'n', 'z'), decode(9, 1, 'a')
SELECT assert_true(1 < 2), raise_error('boom') FROM VALUES (1) t(x) WHERE x > 1
SELECT raise_error('boom')
SELECT monotonically_increasing_id() >= 0, spark_partition_id() >= 0, rand(42) BETWEEN 0 AND 1, version() IS NULL
SELECT rand(42), rand(7)
SELECT current_user() IS NULL, current_catalog() IS NULL, current_database()
SELECT name AS n FROM people WHERE n = 'Ann'
SELECT count(*) AS `count(*)`, sum(id) FROM people
SELECT id, name FROM people ORDER BY length(name), name DESC LIMIT 3
SELECT DISTINCT city FROM people ORDER BY city
SELECT ALL city FROM people WHERE id < 3 ORDER BY id
SELECT (1, 'a'), (SELECT max(id) FROM people), (1)
SELECT a.b FROM VALUES (named_struct('b', 7)) t(a)
SELECT try_avg(v), try_sum(v) FROM VALUES (1), (2) t(v)
SELECT -5 AS `a b`, +5, 1 AS 1a
SELECT * FROM people WHERE name RLIKE '^[AB]' AND NOT (age > 40 OR age IS NULL) ORDER BY id
SELECT concat_ws(' ', collect_list(name)) FROM (SELECT name FROM people ORDER BY id)

-- a parameterless SQL function
CREATE TEMPORARY FUNCTION five() RETURNS INT RETURN 5;
SELECT five() + 1;

-- a SQL function with a parameter
CREATE OR REPLACE TEMPORARY FUNCTION sq(x INT) RETURNS INT RETURN x * x;
SELECT sq(4), sq(id) FROM range(1);

-- a session variable
DECLARE OR REPLACE VARIABLE vx INT DEFAULT 5;
SET VAR vx = vx + 2;
SELECT vx;

-- a temporary view of a temporary view
CREATE OR REPLACE TEMP VIEW v1 AS SELECT id, age / 2 h FROM people;
CREATE OR REPLACE TEMP VIEW v2 AS SELECT id, h * 2 d FROM v1 WHERE id < 3;
SELECT * FROM v2 ORDER BY id;

-- a global temporary view
CREATE OR REPLACE GLOBAL TEMP VIEW gv AS SELECT 7 x;
SELECT * FROM global_temp.gv;
