SELECT k, sum(v) OVER (ORDER BY o) s FROM w ORDER BY k
SELECT k, last_value(v) OVER (ORDER BY o) l, first_value(v) OVER (ORDER BY o DESC) f FROM w ORDER BY k
SELECT k, lag(v) OVER (ORDER BY o, k) a, lag(v, 1, -1) OVER (ORDER BY o, k) b, lead(v, 2) OVER (ORDER BY o, k) c FROM w ORDER BY k
SELECT k, row_number() OVER (ORDER BY o, k) r, rank() OVER (ORDER BY o) ra, dense_rank() OVER (ORDER BY o) d, percent_rank() OVER (ORDER BY o) p, cume_dist() OVER (ORDER BY o) c, ntile(3) OVER (ORDER BY o, k) n FROM w ORDER BY k
SELECT k, first_value(v) IGNORE NULLS OVER (ORDER BY o DESC) f, last_value(v, true) OVER (ORDER BY o) l, nth_value(v, 2) OVER (ORDER BY o, k) n FROM w ORDER BY k
SELECT k, sum(v) OVER (ORDER BY o ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) a, sum(v) OVER (ORDER BY o RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) b, count(*) OVER (ORDER BY o ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) c FROM w ORDER BY k
SELECT k, avg(v) OVER (PARTITION BY o) a, max(v) OVER () m, min(v) OVER (PARTITION BY o ORDER BY k) n FROM w ORDER BY k
SELECT k, sum(v) OVER win s, count(*) OVER win c FROM w WINDOW win AS (PARTITION BY o ORDER BY k) ORDER BY k
SELECT k, sum(v) OVER (ORDER BY o DESC NULLS LAST, k) s FROM w ORDER BY k
SELECT k, o FROM (SELECT k, o, row_number() OVER (PARTITION BY o ORDER BY k DESC) r FROM w) WHERE r = 1 ORDER BY o
SELECT o, sum(v) s, sum(sum(v)) OVER (ORDER BY o) running, rank() OVER (ORDER BY sum(v) DESC NULLS LAST) r FROM w GROUP BY o ORDER BY o
SELECT k, v / sum(v) OVER () share FROM w ORDER BY k
SELECT k, collect_list(v) OVER (ORDER BY o, k) a FROM w ORDER BY k
SELECT d, sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) s FROM VALUES (DATE'2024-01-01', 1), (DATE'2024-01-02', 2), (DATE'2024-01-04', 4) t(d, v) ORDER BY d
SELECT k, median(v) OVER (PARTITION BY o) m, stddev(v) OVER (PARTITION BY o) s FROM w ORDER BY k
SELECT sum(v) OVER (ORDER BY v ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) s FROM VALUES (9223372036854775807L), (1L) t(v)
SELECT k, lag(v) IGNORE NULLS OVER (ORDER BY o, k) a, any_value(v) OVER (PARTITION BY o ORDER BY k) b FROM w ORDER BY k
SELECT k, max_by(k, v) OVER (PARTITION BY o) m FROM w ORDER BY k
SELECT k, sum(v) OVER (PARTITION BY o ORDER BY k ROWS 1 PRECEDING) s FROM w ORDER BY k
SELECT k, first_value(v) OVER (ORDER BY o) f, first_value(v) OVER (ORDER BY o DESC) l, row_number() OVER (ORDER BY o) r, row_number() OVER (ORDER BY o DESC) s, lag(v) OVER (ORDER BY o) g, lead(v) OVER (ORDER BY o DESC) h FROM w ORDER BY k
SELECT k, sum(o) OVER x f, last_value(v, true) OVER y l FROM w WINDOW x AS (ORDER BY o DESC), y AS (ORDER BY o) ORDER BY k
