SELECT CASE WHEN true THEN 1 ELSE 2.5 END, CASE WHEN false THEN 1 ELSE 2L END, CASE WHEN true THEN DATE'2024-01-01' ELSE TIMESTAMP'2024-01-02 03:04:05' END
SELECT coalesce(NULL, 1, 2.5)
SELECT coalesce(CAST(NULL AS INT), 5L)
SELECT coalesce(1, 'a')
SELECT coalesce(DATE'2024-01-01', '2024-01-02'), nvl(1, 2.5D), ifnull(1Y, 300)
SELECT nvl2(NULL, 1, 2.5)
SELECT nvl2(1, 1, 2.5D)
SELECT nullif(1, 1.0)
SELECT nullif('1', 1)
SELECT greatest(1, 2.5)
SELECT least(1, 2.5D, 3L)
SELECT greatest(DATE'2024-01-01', TIMESTAMP'2024-01-01 00:00:01')
SELECT greatest('a', 'B')
SELECT greatest(1, NULL)
SELECT least(NULL, NULL, 3)
SELECT greatest(1, '2')
SELECT 1 IN ('1', '2'), 1 IN (1.0, 2.5), '1.0' IN (1)
SELECT 'a' IN (1, 2)
SELECT 1 BETWEEN '0' AND '2', 5 BETWEEN 1.5 AND 5.0, '10' BETWEEN 9 AND 11
SELECT DATE'2024-01-01' = '2024-01-01', TIMESTAMP'2024-01-01 00:00:00' = '2024-01-01', DATE'2024-01-01' < TIMESTAMP'2024-01-01 00:00:01'
SELECT DATE'2024-01-01' = 'x'
SELECT '1' = 1, '1.5' > 1, 1.0 = 1, 1 = 1.0D, '01' = 1, 'true' = true
SELECT 'abc' = 1
SELECT true = 1
SELECT true AND 1
SELECT NULL = NULL, NULL <=> NULL, 1 <=> NULL, NOT NULL, NULL AND false, NULL OR true
SELECT 1 = 1.5, 0.1 + 0.2 = 0.3, 0.1D + 0.2D = 0.3D, CAST(0.1 AS FLOAT) = 0.1D
SELECT a.x, b.y FROM VALUES (1), (2) a(x) JOIN VALUES ('1'), ('3') b(y) ON a.x = b.y
SELECT a.x, b.y FROM VALUES (1), (2) a(x) JOIN VALUES (1.0), (2.5) b(y) ON a.x = b.y
SELECT a.x FROM VALUES (DATE'2024-01-01') a(x) JOIN VALUES ('2024-01-01') b(y) ON a.x = b.y
SELECT a.x FROM VALUES (1) a(x) JOIN VALUES ('x') b(y) ON a.x = b.y
SELECT 1 UNION SELECT 1.0
SELECT 1 UNION ALL SELECT '2'
SELECT DATE'2024-01-01' UNION ALL SELECT TIMESTAMP'2024-01-02 00:00:00'
SELECT NULL UNION ALL SELECT 1
SELECT array(1) UNION ALL SELECT array(2.5)
SELECT 1 INTERSECT SELECT 1.0
SELECT 1 EXCEPT SELECT 1L
SELECT concat(1, 2)
SELECT concat('a', 1, true)
SELECT 1 || 2
SELECT concat(array(1), array(2.5))
SELECT array(1, 2L)
SELECT array(1, 2.5D)
SELECT array(DATE'2024-01-01', TIMESTAMP'2024-01-01 01:00:00')
SELECT map(1, 'a', 2L, 'b')
SELECT '3' * '4', '10' % 3, -'5', '2' + 2.5, '1' - 1
SELECT 'abc' + 1
SELECT substring('hello', '2', 3)
SELECT repeat('a', '3')
SELECT date_add('2024-01-01', 1)
SELECT year('2024-05-06')
SELECT abs('-5')
SELECT sqrt('16')
SELECT round('2.567', 2)
SELECT length(12345)
SELECT upper(true)
SELECT ceil('1.2')
SELECT sum(x), avg(x), max(x), min(x) FROM VALUES ('10'), ('9') t(x)
SELECT count(*) FROM VALUES (1) t(x) WHERE 'true'
SELECT if('true', 1, 2)
SELECT CASE WHEN 'false' THEN 1 ELSE 2 END
SELECT x FROM VALUES (1), (2), (NULL) t(x) WHERE x NOT IN (1, NULL)
SELECT x IN (SELECT y FROM VALUES ('1') u(y)) FROM VALUES (1) t(x)
SELECT date_diff('2024-03-01', '2024-02-01'), months_between('2024-03-31', '2024-02-29'), last_day('2024-02-01')
SELECT element_at(array('a', 'b'), 1L)
SELECT array('a')[0L]
SELECT map(1, 'x')[1L]
SELECT map(1L, 'x')[1]
SELECT array_contains(array(1, 2), 1L)
SELECT array_contains(array(1, 2), 1.0)
SELECT array_position(array(1L, 2L), 2)
SELECT array_union(array(1), array(2L)), array_except(array(1, 2.5), array(1)), array_append(array(1), 2.5)
SELECT TIMESTAMP'2024-01-01 00:00:00' > DATE'2023-12-31', DATE'2024-01-01' IN ('2024-01-01'), CAST('2024-01-01' AS DATE) BETWEEN '2023-01-01' AND '2025-01-01'
