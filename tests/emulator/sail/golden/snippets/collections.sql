SELECT array(1, 2, 3)[0], array(1, 2, 3)[2], get(array(1, 2), 5), element_at(array(1, 2, 3), -1), try_element_at(array(1), 5)
SELECT array(1, 2, 3)[10]
SELECT array(1, 2, 3)[-1]
SELECT element_at(array(1, 2, 3), 0)
SELECT element_at(array(1, 2, 3), 4)
SELECT map('a', 1)['b'], element_at(map('a', 1), 'a'), try_element_at(map('a', 1), 'b'), map('a', 1).a
SELECT transform(array(1, 2), x -> x + 1), transform(array(1, 2), (x, i) -> x * i)
SELECT filter(array(1, NULL, 3), x -> x IS NOT NULL), filter(array(0, 2, 4), (x, i) -> i > 0)
SELECT aggregate(array(1, 2, 3), 0, (a, x) -> a + x), aggregate(array(1, 2, 3), 0, (a, x) -> a + x, a -> a * 10), reduce(array(1, 2), 0, (a, x) -> a + x)
SELECT exists(array(1, 2), x -> x > 1), forall(array(1, 2), x -> x > 0), forall(array(1, NULL), x -> x > 0), exists(array(1, NULL), x -> x > 3)
SELECT zip_with(array(1, 2), array(3), (a, b) -> coalesce(a, 0) + coalesce(b, 0))
SELECT zip_with(array('a', 'b'), array('x', 'y'), (a, b) -> concat(a, b))
SELECT array_sort(array(3, 1, NULL, 2)), sort_array(array(3, NULL, 1)), sort_array(array(3, NULL, 1), false), array_sort(array('bb', 'a'), (l, r) -> length(l) - length(r))
SELECT arrays_zip(array(1, 2), array('x')), arrays_overlap(array(1, 2), array(2)), arrays_overlap(array(1, NULL), array(3))
SELECT array_distinct(array(1, 1, NULL, NULL)), array_union(array(1, 2), array(2, 3)), array_intersect(array(1, 2, 2), array(2)), array_except(array(1, 2, 2), array(2))
SELECT array_position(array('a', 'b'), 'b'), array_position(array('a'), 'z'), array_remove(array(1, 2, 1), 1), array_repeat('a', 2), array_compact(array(1, NULL))
SELECT array_append(array(1), 2), array_prepend(array(1), 0), array_insert(array(1, 3), 2, 2), array_insert(array(1), -1, 9), array_size(array(1, 2))
SELECT array_min(array(3, NULL, 1)), array_max(array(3, NULL, 1)), array_join(array('a', NULL, 'b'), '-'), array_join(array('a', NULL), '-', '?')
SELECT flatten(array(array(1), array(2, 3))), flatten(array(array(1), NULL)), sequence(1, 10, 4), sequence(5, 1, -2), sequence(3, 1), slice(array(1, 2, 3), -2, 2), slice(array(1, 2, 3), 2, 5)
SELECT shuffle(array(1)), reverse(array(1, 2)), concat(array(1), array(2, 3)), size(array(1, 2)), cardinality(array(1))
SELECT map('a', 1, 'b', 2), map_keys(map('a', 1, 'b', 2)), map_values(map('a', 1, 'b', 2)), map_entries(map('a', 1)), size(map('a', 1))
SELECT map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1), transform_keys(map('a', 1), (k, v) -> upper(k)), transform_values(map('a', 1), (k, v) -> v + 1), map_zip_with(map('a', 1), map('a', 2), (k, x, y) -> x + y)
SELECT map_from_arrays(array('a', 'b'), array(1, 2)), map_from_entries(array(struct('a', 1))), map_concat(map('a', 1), map('b', 2)), map_contains_key(map('a', 1), 'a'), str_to_map('a:1,b:2'), str_to_map('x=1;y', ';', '=')
SELECT map('a', 1, 'a', 2)
SELECT named_struct('a', 1, 'b', 'x'), named_struct('a', 1).a, struct(1, 'x'), struct(1 AS a, 'x' AS b).b
SELECT s.a, s.b.c FROM (SELECT named_struct('a', 1, 'b', named_struct('c', 'deep')) s)
SELECT s.* FROM (SELECT named_struct('a', 1, 'b', 2) s)
SELECT explode(array(10, 20))
SELECT id, explode(a) e FROM VALUES (1, array(7, 8)), (2, array()), (3, NULL) t(id, a) ORDER BY id, e
SELECT id, explode_outer(a) e FROM VALUES (1, array(7, 8)), (2, array()), (3, NULL) t(id, a) ORDER BY id, e
SELECT posexplode(array('a', 'b'))
SELECT explode(map('x', 1, 'y', 2))
SELECT id, explode(m) FROM VALUES (1, map('x', 1, 'y', 2)) t(id, m) ORDER BY 2
SELECT id, explode(m) AS (k, v) FROM VALUES (1, map('x', 1)) t(id, m)
SELECT id, p, e FROM VALUES (1, array(7, 8)), (2, array()), (3, NULL) t(id, a) LATERAL VIEW OUTER posexplode(a) x AS p, e ORDER BY id, p
SELECT id, k, v FROM VALUES (1, map('x', 1, 'y', 2)) t(id, m) LATERAL VIEW explode(m) e AS k, v ORDER BY k
SELECT inline(array(struct(1 AS a, 'x' AS b), struct(2 AS a, 'y' AS b)))
SELECT stack(2, 1, 'a', 2, 'b')
SELECT id, stack(2, 'x', x, 'y', y) AS (k, v) FROM VALUES (1, 10, 20) t(id, x, y)
SELECT * FROM explode(array(1, 2)) t(v)
SELECT array(1, 2) = array(1, 2), array(1, 2) < array(1, 3), struct(1, 2) = struct(1, 2), array(array(1))[0][0]
SELECT array_contains(split('a,b', ','), 'b'), size(split('a,b', ',')), element_at(split('a-b', '-'), 2)
SELECT a[0].x, a.x FROM (SELECT array(named_struct('x', 1), named_struct('x', 2)) a)
SELECT transform(a, s -> s.x * 2) FROM (SELECT array(named_struct('x', 1), named_struct('x', 2)) a)
SELECT transform(array(1, 2), x -> transform(array(10), y -> x + y)), filter(map_keys(map('a', 1)), k -> k LIKE 'a%')
SELECT m['x'], m.x, size(m) FROM (SELECT map('x', 5) m)
SELECT aggregate(array(1.5, 2.5), CAST(0 AS DECIMAL(10,1)), (a, x) -> CAST(a + x AS DECIMAL(10,1)))
SELECT array_agg(x) FROM (SELECT explode(array(3, 1)) x)
