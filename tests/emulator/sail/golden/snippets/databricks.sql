SELECT k, o FROM w QUALIFY row_number() OVER (PARTITION BY o ORDER BY k DESC) = 1 ORDER BY o
SELECT k, rank() OVER (ORDER BY v DESC) r FROM w QUALIFY r <= 2 ORDER BY r, k
SELECT j:a.b AS x, j:c[0] AS y FROM VALUES ('{"a":{"b":1},"c":[5]}') t(j)
SELECT j:a::INT + 1 FROM VALUES ('{"a":41}') t(j)
SELECT iff(true, 1, 2), charindex('b', 'abc')
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT * FROM r ORDER BY n
SELECT name, (age > 33) IS TRUE t FROM people WHERE age IS NOT NULL ORDER BY id
SELECT * EXCEPT (age, city) FROM people ORDER BY id LIMIT 1
