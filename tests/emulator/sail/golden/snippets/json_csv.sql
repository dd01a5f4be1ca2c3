SELECT get_json_object('{"a":[{"b":1},{"b":2}]}', '$.a[1].b'), get_json_object('{"a":{"b":"x"}}', '$.a'), get_json_object('{"a":1}', '$.b'), get_json_object('not json', '$.a'), get_json_object('{"a b":1}', "$['a b']")
SELECT get_json_object('{"a":[{"b":1},{"b":2}]}', '$.a[*].b')
SELECT from_json('{"a":"x"}', 'a int'), from_json('{"a":1,"b":2}', 'a int, c string'), from_json('bad', 'a int'), from_json('{"a":1}', 'STRUCT<a: BIGINT>').a
SELECT from_json('[1,2]', 'array<int>'), from_json('{"k":1}', 'map<string,int>'), from_json('[{"a":1},{"a":2}]', 'array<struct<a:int>>'), from_json('{"a":{"b":[1,2]}}', 'a struct<b:array<int>>').a.b[1]
SELECT from_json('{"t":"2024-01-01T10:00:00Z","d":"2024-01-02"}', 't timestamp, d date'), from_json('{"t":"01/02/2024"}', 't date', map('dateFormat', 'dd/MM/yyyy'))
SELECT from_json('{"a":"1.5","b":1.25,"c":true,"d":"x"}', 'a string, b decimal(5,2), c boolean, d int')
SELECT to_json(named_struct('a', 1, 'n', NULL, 's', 'x"y')), to_json(map('a', 1)), to_json(array(1, 2)), to_json(array(named_struct('a', 1)))
SELECT to_json(named_struct('t', TIMESTAMP'2024-01-01 00:00:00', 'd', DATE'2024-01-01', 'f', 1.5D, 'e', 1e7D, 'm', CAST(1.10 AS DECIMAL(5,2))))
SELECT json_array_length('[1,2]'), json_array_length('{}'), json_object_keys('{"a":1,"b":2}'), schema_of_json('{"a":1,"b":[1.5]}')
SELECT json_tuple('{"a":1,"b":"x"}', 'a', 'b')
SELECT id, a, b FROM VALUES (1, '{"a":1,"b":"x"}') t(id, j) LATERAL VIEW json_tuple(j, 'a', 'b') x AS a, b
SELECT from_csv('1,abc,2.5', 'a INT, b STRING, c DOUBLE'), from_csv('1|x', 'a INT, b STRING', map('sep', '|')), to_csv(named_struct('a', 1, 'b', 'x,y')), schema_of_csv('1,abc')
SELECT from_csv('26/08/2015', 'time Timestamp', map('timestampFormat', 'dd/MM/yyyy'))
SELECT variant_get(parse_json('{"a":{"b":[1,2]}}'), '$.a.b[1]', 'int'), CAST(parse_json('5') AS INT), schema_of_variant(parse_json('{"a":1}'))
SELECT to_json(parse_json('{"a": [1, "x"]}')), is_variant_null(parse_json('null')), try_parse_json('bad') IS NULL, typeof(parse_json('1'))
SELECT parse_json('bad')
SELECT xpath_string('<a><b>1</b></a>', 'a/b'), xpath_int('<a><b>2</b></a>', 'a/b'), xpath('<a><b>1</b><b>2</b></a>', 'a/b/text()')
SELECT from_json(j, 'a int').a + 1 FROM VALUES ('{"a":1}'), ('{"a":null}'), (NULL) t(j) ORDER BY 1
SELECT schema_of_json('[{"a":1},{"b":"x"}]'), schema_of_json('{"a":null,"b":1.0,"c":true}')
