SELECT p.name, c.title FROM people p JOIN cities c ON p.city = c.id ORDER BY 1
SELECT p.name, c.title FROM people p LEFT JOIN cities c ON p.city = c.id ORDER BY p.id
SELECT p.name, c.title FROM people p RIGHT JOIN cities c ON p.city = c.id ORDER BY c.id, p.id
SELECT p.name, c.title FROM people p FULL OUTER JOIN cities c ON p.city = c.id ORDER BY p.id, c.id
SELECT name FROM people p LEFT SEMI JOIN cities c ON p.city = c.id ORDER BY name
SELECT name FROM people p LEFT ANTI JOIN cities c ON p.city = c.id ORDER BY name
SELECT * FROM people JOIN cities USING (id) ORDER BY id
SELECT id, name, title FROM people FULL JOIN cities USING (id) ORDER BY id
SELECT * FROM people NATURAL JOIN cities ORDER BY id
SELECT count(*) FROM people CROSS JOIN cities
SELECT count(*) FROM people, cities WHERE people.city = cities.id
SELECT a.name, b.name FROM people a JOIN people b ON a.id < b.id AND a.city = b.city ORDER BY a.id, b.id
SELECT p.name, x.n FROM people p, LATERAL (SELECT count(*) n FROM people q WHERE q.city = p.city) x ORDER BY p.id
SELECT p.name, t.v FROM people p, LATERAL explode(array(p.id, p.id * 10)) t(v) WHERE p.id < 3 ORDER BY 1, 2
SELECT c.title, count(p.id) n FROM cities c LEFT JOIN people p ON p.city = c.id GROUP BY c.title ORDER BY n DESC, c.title
SELECT p.name FROM people p JOIN (SELECT city, max(age) m FROM people GROUP BY city) x ON p.city = x.city AND p.age = x.m ORDER BY p.name
SELECT p.id, c.* FROM people p LEFT JOIN cities c ON p.city = c.id AND c.title LIKE 'L%' ORDER BY p.id
SELECT id FROM people JOIN cities ON people.city = cities.id
SELECT /*+ BROADCAST(c) */ p.name FROM people p JOIN cities c ON p.city = c.id ORDER BY 1
SELECT p.name FROM people p WHERE p.age > (SELECT avg(age) FROM people q WHERE q.city = p.city) ORDER BY 1
SELECT name, (SELECT title FROM cities c WHERE c.id = p.city) t FROM people p ORDER BY p.id
SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM cities c WHERE c.id = p.city) AND p.age IN (SELECT max(age) FROM people) ORDER BY 1
SELECT (SELECT v FROM VALUES (1), (2) t(v))
SELECT (SELECT v FROM VALUES (1) t(v) WHERE v > 5) IS NULL
WITH a AS (SELECT * FROM people WHERE age > 30), b AS (SELECT city, count(*) n FROM a GROUP BY city) SELECT * FROM b ORDER BY city
WITH t(x, y) AS (SELECT 1, 2) SELECT x + y FROM t
WITH t AS (SELECT 1 a), u AS (SELECT a + 1 b FROM t) SELECT * FROM t, u
SELECT t.* FROM (SELECT id, name FROM people) t WHERE t.id = 1
SELECT * FROM VALUES (1, 'a'), (2, 'b') AS t(id, v) JOIN VALUES (1, 'x') AS s(id, w) ON t.id = s.id
FROM people SELECT name WHERE id = 1
FROM people |> WHERE age > 30 |> SELECT name, age |> ORDER BY age
SELECT * FROM people ORDER BY age DESC NULLS LAST LIMIT 2 OFFSET 1
SELECT name FROM people WHERE age BETWEEN 30 AND 40 AND name NOT LIKE 'B%' ORDER BY name
SELECT count(*) FROM people TABLESAMPLE (100 PERCENT)
TABLE cities
VALUES (1, 'a'), (2, 'b')
SELECT * FROM range(3)
SELECT id, id * 2 AS double FROM range(1, 10, 4) ORDER BY id
SELECT no_such_column FROM people
SELECT * FROM no_such_table
SELECT name FROM people GROUP BY city
SELEC 1
SELECT no_such_function(1)
