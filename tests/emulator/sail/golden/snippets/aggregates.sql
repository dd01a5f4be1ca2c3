SELECT sum(v) FROM VALUES (9223372036854775807L), (1L) t(v)
SELECT k, sum(v) FROM VALUES ('a', 9223372036854775807L), ('a', 1L), ('b', 2L) t(k, v) GROUP BY k ORDER BY k
SELECT try_sum(v), try_avg(v) FROM VALUES (9223372036854775807L), (1L) t(v)
SELECT sum(v), sum(DISTINCT v), avg(v), avg(DISTINCT v), count(DISTINCT v), count(*) FROM VALUES (1), (2), (2), (9), (NULL) t(v)
SELECT sum(v) FROM VALUES (2147483647), (1) t(v)
SELECT sum(v), avg(v) FROM VALUES ('1'), ('2.5') t(v)
SELECT sum(v), avg(v), sum(w), avg(w) FROM VALUES (1Y, CAST(1.5 AS FLOAT)), (2Y, CAST(2.25 AS FLOAT)) t(v, w)
SELECT percentile(v, 0.5), percentile(v, array(0.25, 0.75)), median(v), mode(v) FROM VALUES (1), (2), (2), (9) t(v)
SELECT percentile_approx(v, 0.5), percentile_approx(v, array(0.0, 0.5, 1.0)), approx_percentile(v, 0.9, 100) FROM VALUES (1), (2), (2), (9) t(v)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v), percentile_disc(0.5) WITHIN GROUP (ORDER BY v) FROM VALUES (1), (2), (2), (9) t(v)
SELECT stddev(v), stddev_pop(v), std(v), variance(v), var_pop(v), var_samp(v), skewness(v), kurtosis(v) FROM VALUES (1), (2), (2), (9) t(v)
SELECT stddev(v), variance(v), stddev_pop(v), skewness(v) FROM VALUES (1) t(v)
SELECT corr(v, u), covar_pop(v, u), covar_samp(v, u), regr_slope(v, u), regr_intercept(v, u), regr_r2(v, u), regr_count(v, u), regr_avgx(v, u) FROM VALUES (1, 4), (2, 3), (2, 2), (9, 1) t(v, u)
SELECT max_by(v, u), min_by(v, u), max(v), min(v) FROM VALUES ('a', 4), ('b', 3), ('c', 9) t(v, u)
SELECT bool_and(v > 0), bool_or(v > 5), every(v > 1), some(v > 8), any(v > 8), count_if(v > 1) FROM VALUES (1), (2), (9) t(v)
SELECT first(v), last(v), first(v, true), any_value(v, true), first_value(v), last_value(v) FROM VALUES (NULL), (2), (9) t(v)
SELECT approx_count_distinct(v), sort_array(collect_set(v)), sort_array(collect_list(v)), array_agg(v) FROM VALUES (1), (2), (2), (NULL) t(v)
SELECT bit_and(v), bit_or(v), bit_xor(v) FROM VALUES (3), (5) t(v)
SELECT listagg(k, ',') WITHIN GROUP (ORDER BY k DESC), string_agg(k, '') WITHIN GROUP (ORDER BY k) FROM w
SELECT o, listagg(DISTINCT k, ';') WITHIN GROUP (ORDER BY k) FROM w GROUP BY o ORDER BY o
SELECT product FROM (SELECT exp(sum(ln(v))) product FROM VALUES (2D), (3D) t(v))
SELECT histogram_numeric(v, 2) FROM VALUES (1), (2), (9) t(v)
SELECT count(*) FILTER (WHERE v > 1), sum(v) FILTER (WHERE v < 0), avg(v) FILTER (WHERE v > 1) FROM VALUES (1), (2), (9) t(v)
SELECT count(DISTINCT a, b), count(a, b) FROM VALUES (1, NULL), (1, 2), (1, 2) t(a, b)
SELECT o, count(*) FROM w GROUP BY ALL ORDER BY ALL
SELECT o, k, count(*) c FROM w GROUP BY ALL ORDER BY o, k
SELECT o, grouping(o) g, sum(v) FROM w GROUP BY ROLLUP(o) ORDER BY o NULLS LAST
SELECT o, k, sum(v) s, grouping_id() g FROM w GROUP BY CUBE(o, k) ORDER BY g, o, k
SELECT o, k, count(*) c FROM w GROUP BY GROUPING SETS ((o), (k), ()) ORDER BY o NULLS LAST, k NULLS LAST
SELECT o + 1 x, count(*) FROM w GROUP BY x ORDER BY x
SELECT o, count(*) c FROM w GROUP BY 1 HAVING c > 1
SELECT o, sum(v) FROM w GROUP BY o HAVING sum(v) > 20 ORDER BY 2, 1
SELECT max(o) - min(o), count(*) * 2, sum(v) / count(v), avg(v) + 1 FROM w
SELECT sum(v) + 9223372036854775807L FROM VALUES (1L) t(v)
SELECT avg(v) FROM VALUES (9223372036854775807L), (9223372036854775807L) t(v)
SELECT sum(CASE WHEN o = 1 THEN v ELSE 0 END) a, count(CASE WHEN o = 1 THEN 1 END) b, sum(if(o > 1, 1, 0)) c FROM w
SELECT min(struct(o, k)), max(named_struct('o', o, 'k', k)) FROM w
SELECT map_from_entries(collect_list(struct(k, o))) FROM (SELECT * FROM w ORDER BY k)
SELECT kurtosis(v), entropy FROM (SELECT v, 1 entropy FROM VALUES (1), (2) t(v)) GROUP BY entropy
SELECT sum(v) FROM VALUES (INTERVAL '1' DAY), (INTERVAL '2' DAY) t(v)
SELECT sum(v), avg(v) FROM VALUES (CAST('NaN' AS DOUBLE)), (1D) t(v)
SELECT count_min_sketch(v, 0.5D, 0.5D, 1) IS NULL, bitmap_count(bitmap_construct_agg(v)), hll_sketch_estimate(hll_sketch_agg(v)) FROM VALUES (1), (2), (2) t(v)
SELECT mode(v), mode() WITHIN GROUP (ORDER BY v) FROM VALUES (1), (2), (2) t(v)
SELECT o, collect_list(struct(k, v)) FROM (SELECT * FROM w ORDER BY k) GROUP BY o ORDER BY o
