SELECT x FROM VALUES (DOUBLE('NaN')), (1D), (DOUBLE('Infinity')), (NULL), (DOUBLE('-Infinity')) t(x) ORDER BY x
SELECT x FROM VALUES (DOUBLE('NaN')), (1D), (NULL) t(x) ORDER BY x DESC
SELECT DOUBLE('NaN') = DOUBLE('NaN'), DOUBLE('NaN') > DOUBLE('Infinity'), DOUBLE('NaN') > 1, 0.0D = -0.0D, DOUBLE('NaN') <=> DOUBLE('NaN')
SELECT max(x), min(x), sum(x), count(DISTINCT x) FROM VALUES (DOUBLE('NaN')), (1D), (DOUBLE('NaN')) t(x)
SELECT x, count(*) c FROM VALUES (0.0D), (-0.0D), (DOUBLE('NaN')), (DOUBLE('NaN')) t(x) GROUP BY x ORDER BY x
SELECT count(*) FROM (SELECT DISTINCT x FROM VALUES (0.0D), (-0.0D) t(x))
SELECT a.x FROM VALUES (0.0D), (DOUBLE('NaN')) a(x) JOIN VALUES (-0.0D), (DOUBLE('NaN')) b(x) ON a.x = b.x ORDER BY 1
SELECT sort_array(array(3, NULL, 1)), sort_array(array(3, NULL, 1), false), array_sort(array(3, NULL, 1))
SELECT sort_array(array('b', 'a', 'B')), sort_array(array(DOUBLE('NaN'), 1D, DOUBLE('Infinity')))
SELECT array_max(array(1D, DOUBLE('NaN'))), array_min(array(1D, DOUBLE('NaN'))), greatest(1D, DOUBLE('NaN')), least(1D, DOUBLE('NaN'))
SELECT array_distinct(array(0.0D, -0.0D, DOUBLE('NaN'), DOUBLE('NaN')))
SELECT array_contains(array(DOUBLE('NaN')), DOUBLE('NaN'))
SELECT sort_array(array(named_struct('a', 2, 'b', 1), named_struct('a', 1, 'b', 9)))
SELECT x FROM VALUES ('a'), ('B'), ('_'), ('é'), ('Z'), (NULL) t(x) ORDER BY x NULLS LAST
SELECT x, y FROM VALUES (1, 'b'), (1, 'a'), (NULL, 'c') t(x, y) ORDER BY x DESC NULLS FIRST, y DESC
SELECT x FROM VALUES (true), (false), (NULL) t(x) ORDER BY x
SELECT x FROM VALUES (array(2)), (array(1, 2)), (array(1)) t(x) ORDER BY x
SELECT named_struct('a', 1, 'b', 2) < named_struct('a', 1, 'b', 3), array(1, 2) < array(1, 3), array(1) = array(1L)
SELECT DOUBLE('NaN') IN (DOUBLE('NaN')), nanvl(DOUBLE('NaN'), 2D), isnan(DOUBLE('NaN')), nullif(0.0D, -0.0D)
SELECT rank() OVER (ORDER BY x) r, x FROM VALUES (DOUBLE('NaN')), (1D), (NULL), (DOUBLE('NaN')) t(x) ORDER BY r
SELECT CAST(-0.0D AS STRING), CAST(DOUBLE('-Infinity') AS STRING), CAST(1e-5D AS STRING), CAST(123456789.0D AS STRING), CAST(CAST(1.1 AS FLOAT) AS STRING)
SELECT x FROM VALUES (1), (2), (3) t(x) ORDER BY x LIMIT 2 OFFSET 1
SELECT mode(x), mode(y) FROM VALUES (1, 'a'), (2, 'b'), (2, 'b'), (NULL, NULL), (NULL, NULL), (NULL, NULL) t(x, y)
SELECT mode() WITHIN GROUP (ORDER BY x) FROM VALUES (1), (2), (2) t(x)
SELECT median(x), percentile(x, 0.25), percentile(x, array(0.1, 0.9)) FROM VALUES (1), (2), (3), (10) t(x)
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY x), percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM VALUES (1), (2), (3), (10) t(x)
SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY x DESC), percentile_disc(0.25) WITHIN GROUP (ORDER BY x DESC) FROM VALUES (1), (2), (3), (10) t(x)
SELECT percentile(x, 0.5, w) FROM VALUES (1, 1), (2, 3), (9, 1) t(x, w)
SELECT median(x) FROM VALUES (1.5), (2.5), (4.0) t(x)
SELECT median(x), percentile(x, 0.5) FROM VALUES (CAST(NULL AS INT)) t(x)
SELECT approx_percentile(x, 0.5, 100), percentile_approx(x, array(0.25, 0.75)) FROM VALUES (1), (2), (3), (10) t(x)
SELECT median(x) FROM VALUES (INTERVAL 1 DAY), (INTERVAL 3 DAYS) t(x)
SELECT skewness(x), kurtosis(x), stddev(x), stddev_pop(x), variance(x), var_pop(x) FROM VALUES (1), (2), (3), (10) t(x)
SELECT stddev(x), variance(x), stddev_pop(x) FROM VALUES (1) t(x)
SELECT max_by(x, y), min_by(x, y) FROM VALUES ('a', 1), ('b', NULL), ('c', 3) t(x, y)
SELECT bool_and(x), bool_or(x), every(x), some(x), any(x) FROM VALUES (true), (NULL), (false) t(x)
SELECT bit_and(x), bit_or(x), bit_xor(x) FROM VALUES (5), (3) t(x)
SELECT first(x), last(x), first(x, true), last(x, true), any_value(x, true) FROM VALUES (NULL), (1), (NULL) t(x)
SELECT collect_list(x), collect_set(x), array_agg(x) FROM VALUES (1), (NULL), (1) t(x)
SELECT listagg(x, ',') WITHIN GROUP (ORDER BY x DESC), string_agg(x, '-') WITHIN GROUP (ORDER BY x) FROM VALUES ('a'), ('c'), (NULL), ('b') t(x)
SELECT count(x, y), count(DISTINCT x, y) FROM VALUES (1, 1), (1, NULL), (1, 1) t(x, y)
SELECT sum(DISTINCT x), avg(DISTINCT x), count(*) FILTER (WHERE x > 1) FROM VALUES (1), (1), (2) t(x)
SELECT try_sum(x), try_avg(x) FROM VALUES (9223372036854775807), (1) t(x)
SELECT sum(x) FROM VALUES (9223372036854775807), (1) t(x)
SELECT histogram_numeric(x, 2) FROM VALUES (1), (2), (10) t(x)
SELECT grouping(a), grouping_id(a, b), a, b, sum(v) FROM VALUES ('x', 'y', 1), ('x', 'z', 2) t(a, b, v) GROUP BY CUBE (a, b) ORDER BY 2, 3, 4
SELECT a, b, sum(v) FROM VALUES ('x', 'y', 1), ('x', 'z', 2), (NULL, 'z', 4) t(a, b, v) GROUP BY ROLLUP (a, b) ORDER BY a, b, 3
SELECT a, b, sum(v) FROM VALUES ('x', 'y', 1), ('x', 'z', 2) t(a, b, v) GROUP BY GROUPING SETS ((a), (b), ()) ORDER BY a, b
SELECT a, sum(v) FROM VALUES ('x', 1), ('x', 2), ('y', 1) t(a, v) GROUP BY ALL HAVING sum(v) > 1
SELECT a, a || 'q', count(*) FROM VALUES ('x'), ('y') t(a) GROUP BY 1, 2 ORDER BY 1
SELECT a AS b, count(*) FROM VALUES (1), (1) t(a) GROUP BY b
SELECT sum(v) FROM VALUES (1), (2) t(v) HAVING count(*) > 5
SELECT a, count(*) FROM VALUES (1), (2) t(a) WHERE false GROUP BY a
SELECT count(*), sum(a) FROM VALUES (1), (2) t(a) WHERE false
SELECT a FROM VALUES (1), (2) t(a) GROUP BY a HAVING max(a) > 1 ORDER BY max(a)
SELECT a, v FROM VALUES ('x', 1) t(a, v) GROUP BY a
SELECT array_union(array(0.0D), array(-0.0D)), array_except(array(0.0D), array(-0.0D)), array_intersect(array(0.0D, 1D), array(-0.0D, 1D)), array_distinct(array(-0.0D))
SELECT array_distinct(array(named_struct('a', 0.0D), named_struct('a', -0.0D)))
SELECT array_contains(array(0.0D), -0.0D), array_remove(array(0.0D, NULL, 1D), -0.0D), array_contains(array(-0.0F), 0.0F)
SELECT array_distinct(array(DOUBLE('NaN'), NULL, NULL, 1D)), array_union(array(1.5F), array(1.5F, NULL))
SELECT x, rank() OVER (ORDER BY x) r, count(*) OVER (PARTITION BY x) c FROM VALUES (-0.0D), (0.0D), (1.0D) t(x) ORDER BY r
SELECT x, y FROM VALUES (-0.0D, 1), (0.0D, 2), (-0.0D, 3) t(x, y) ORDER BY x, y
SELECT collect_set(x) FROM VALUES (0.0D), (-0.0D) t(x)
SELECT m[y], map_contains_key(m, y), try_element_at(m, y) FROM VALUES (map(0.0D, 1), -0.0D) t(m, y)
SELECT s = named_struct('a', 0.0D) FROM VALUES (named_struct('a', -0.0D)) t(s)
SELECT greatest(x, y), least(y, x), sign(x) FROM VALUES (-0.0D, 0.0D) t(x, y)
