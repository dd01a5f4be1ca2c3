SELECT o, sum(v) OVER (ORDER BY o) s, sum(v) OVER (ORDER BY o ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) r FROM VALUES (1, 10), (2, 20), (2, 30), (3, NULL) t(o, v) ORDER BY o, r
SELECT o, sum(v) OVER (ORDER BY o RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) s FROM VALUES (1, 10), (2, 20), (4, 30), (NULL, 5) t(o, v) ORDER BY o
SELECT o, sum(v) OVER (ORDER BY o DESC RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) s FROM VALUES (1, 10), (2, 20), (4, 30) t(o, v) ORDER BY o
SELECT o, first_value(v) OVER (ORDER BY o ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) f, last_value(v) OVER (ORDER BY o) l, nth_value(v, 2) OVER (ORDER BY o) n FROM VALUES (1, 10), (2, NULL), (3, 30) t(o, v) ORDER BY o
SELECT o, lag(v) OVER (ORDER BY o) a, lag(v, 2, -1) OVER (ORDER BY o) b, lead(v, 1, 0) OVER (ORDER BY o) c, lag(v, 1) IGNORE NULLS OVER (ORDER BY o) d FROM VALUES (1, 10), (2, NULL), (3, 30) t(o, v) ORDER BY o
SELECT o, ntile(3) OVER (ORDER BY o) n, percent_rank() OVER (ORDER BY o) p, cume_dist() OVER (ORDER BY o) c FROM VALUES (1), (2), (2), (4), (5) t(o) ORDER BY o, n
SELECT o, rank() OVER (ORDER BY o) r, dense_rank() OVER (ORDER BY o) d, row_number() OVER (ORDER BY o, x) n FROM VALUES (1, 1), (1, 2), (3, 3), (NULL, 4) t(o, x) ORDER BY n
SELECT o, count(*) OVER () a, count(v) OVER (PARTITION BY o) b, avg(v) OVER (ORDER BY o ROWS UNBOUNDED PRECEDING) c FROM VALUES (1, 10), (2, NULL), (3, 30) t(o, v) ORDER BY o
SELECT o, max(v) OVER (ORDER BY o ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) m, collect_list(v) OVER (ORDER BY o) l FROM VALUES (1, 10), (2, 5), (3, 30) t(o, v) ORDER BY o
SELECT o, sum(v) OVER w s, avg(v) OVER w a FROM VALUES (1, 10), (2, 20) t(o, v) WINDOW w AS (ORDER BY o DESC) ORDER BY o
SELECT d, sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) s FROM VALUES (TIMESTAMP'2024-01-01 00:00:00', 1), (TIMESTAMP'2024-01-01 12:00:00', 2), (TIMESTAMP'2024-01-03 00:00:00', 4) t(d, v) ORDER BY d
SELECT d, sum(v) OVER (ORDER BY d RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) s FROM VALUES (DATE'2024-01-01', 1), (DATE'2024-01-02', 2), (DATE'2024-01-04', 4) t(d, v) ORDER BY d
SELECT g, sum(sum(v)) OVER (ORDER BY g) c, rank() OVER (ORDER BY sum(v) DESC) r FROM VALUES ('a', 1), ('a', 2), ('b', 5) t(g, v) GROUP BY g ORDER BY g
SELECT o, v - lag(v) OVER (ORDER BY o) d, v / sum(v) OVER () p FROM VALUES (1, 10), (2, 25) t(o, v) ORDER BY o
SELECT o, sum(v) FILTER (WHERE v > 5) OVER (ORDER BY o) s FROM VALUES (1, 10), (2, 5) t(o, v) ORDER BY o
SELECT o, count(DISTINCT v) OVER () FROM VALUES (1, 10) t(o, v)
SELECT o, median(v) OVER () m, stddev(v) OVER () s, max_by(o, v) OVER () b FROM VALUES (1, 10), (2, 20), (3, 60) t(o, v) ORDER BY o
SELECT o, first(v) IGNORE NULLS OVER (ORDER BY o ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) f FROM VALUES (1, NULL), (2, 20), (3, NULL) t(o, v) ORDER BY o
SELECT o, sum(v) OVER (ORDER BY o ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) s, count(*) OVER (ORDER BY o ROWS BETWEEN 1 FOLLOWING AND 1 FOLLOWING) c FROM VALUES (1, 10), (2, 20), (3, 30) t(o, v) ORDER BY o
SELECT row_number() OVER () IS NULL FROM VALUES (1) t(a)
SELECT o, lag(v, -1) OVER (ORDER BY o) a, lead(v, -1) OVER (ORDER BY o) b FROM VALUES (1, 10), (2, 20) t(o, v) ORDER BY o
