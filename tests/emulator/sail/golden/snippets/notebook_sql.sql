SELECT transform(array(1,2), x -> x + 1), filter(array(1,2), x -> x > 1), aggregate(array(1,2), 0, (a, x) -> a + x), array_sort(array(2,1)), array_distinct(array(1,1)), size(array(1)), array_contains(array(1), 1), flatten(array(array(1))), element_at(map('a',1), 'a'), sequence(1,3), arrays_zip(array(1), array(2))
SELECT date_add(date'2024-01-31', 1), add_months(date'2024-01-31', 1), date_trunc('month', timestamp'2024-01-31 10:00:00'), datediff(date'2024-02-01', date'2024-01-01'), to_date('2024-01-02'), to_timestamp('02/01/2024', 'dd/MM/yyyy'), date_format(timestamp'2024-01-02 00:00:00', 'yyyy-MM'), last_day(date'2024-02-02')
SELECT unix_timestamp(timestamp'1970-01-01 00:00:01'), from_unixtime(1), months_between(date'2024-02-01', date'2024-01-01'), year(date'2024-01-01'), weekofyear(date'2024-01-01'), dateadd(day, 1, date'2024-01-01'), current_timestamp() - interval 1 day < current_timestamp(), timestampdiff(hour, timestamp'2024-01-01 00:00:00', timestamp'2024-01-01 05:00:00')
SELECT regexp_replace('a1','[0-9]','x'), regexp_extract('a1','([0-9])',1), split('a,b',','), concat_ws('-','a','b'), md5('a'), sha2('a',256), xxhash64('a'), hash('a'), length(uuid()), levenshtein('a','b')
SELECT lpad('a',3,'0'), initcap('ab'), translate('ab','a','z'), format_number(1.234,2), 'A' ilike 'a', format_string('%s',1)
SELECT x FROM (SELECT array(1,2) a) LATERAL VIEW explode(a) t AS x ORDER BY x
SELECT g, count(*) n FROM VALUES ('b'), ('a'), ('a') t(g) GROUP BY ALL ORDER BY ALL
FROM VALUES (1), (2) t(a) |> WHERE a = 1 |> SELECT a
SELECT count(*) FROM people TABLESAMPLE (2 ROWS)
SELECT try_cast('x' AS INT), '1'::INT, nvl(NULL, 1)
SELECT g, count(*) n FROM VALUES ('a'), ('b') t(g) GROUP BY GROUPING SETS ((g), ()) ORDER BY n, g
DESCRIBE QUERY SELECT 1 a, 'x' b
SELECT 1/0
SELEC 1

-- REFRESH TABLE
CREATE TABLE ins (a INT);
REFRESH TABLE ins;
SELECT count(*) n FROM ins;
