SELECT substring('hello', -3, 2), substr('hello', 0, 2), substring('hello', 2), substring('hello' FROM 2 FOR 3), left('hello', 2), right('hello', 3), left('a', 0)
SELECT instr('abc', 'c'), locate('b', 'abcb'), locate('b', 'abcb', 3), position('c' IN 'abc')
SELECT lpad('7', 3, '0'), rpad('7', 3, 'xy'), lpad('abc', 2, '0'), lpad('a', 3), rpad('', 2, '')
SELECT upper('aBc'), lower('aBc'), ucase('x'), lcase('X'), initcap('hELLO wORLD'), initcap('o''neil mc-donald')
SELECT trim('  a  '), ltrim('  a'), rtrim('a  '), btrim('xxaxx', 'x'), trim(BOTH 'x' FROM 'xxaxx'), trim(LEADING 'x' FROM 'xxa'), trim(TRAILING 'x' FROM 'axx')
SELECT length('héé'), char_length('abc'), character_length('abc '), octet_length('é'), bit_length('a'), length(X'0102')
SELECT 'a' = 'a ', 'a' < 'B', 'a' LIKE 'A', 'a' ILIKE 'A'
SELECT 'a_b' LIKE 'a\\_b', 'axb' LIKE 'a_b', 'abc' LIKE '%c', 'abc' NOT LIKE 'b%', 'a%b' LIKE 'a!%b' ESCAPE '!'
SELECT 'abc' LIKE ALL ('a%', '%c'), 'abc' LIKE ANY ('x%', '%c'), 'abc' NOT LIKE ALL ('x%', 'y%'), 'abc' LIKE SOME ('x', 'abc')
SELECT NULL LIKE 'a', 'a' LIKE NULL, '' LIKE '%', '' LIKE ''
SELECT ascii('A'), ascii(''), chr(65), char(66), chr(256 + 65), ascii('é')
SELECT reverse('abc'), repeat('ab', 3), repeat('a', 0), space(3), concat('a', NULL), concat(), concat_ws('-', 'a', NULL, 'b'), concat_ws(',', array('x', 'y'), 'z')
SELECT replace('abcabc', 'b', 'x'), replace('abc', 'b'), translate('abc', 'ac', 'x'), translate('AaBb', 'AB', 'xy'), overlay('Spark SQL' PLACING '_' FROM 6)
SELECT split('a,b,,', ','), split('a1b2', '[0-9]'), split('a,b,c', ',', 2), split('', ','), split('a.b', '\\.')
SELECT split_part('a.b.c', '.', 2), split_part('a.b.c', '.', -1), split_part('a', '.', 3), substring_index('a.b.c', '.', 2), substring_index('a.b.c', '.', -1)
SELECT levenshtein('kitten', 'sitting'), levenshtein('abc', 'adc', 1), soundex('Robert'), soundex('Tymczak'), soundex('')
SELECT format_number(1234567.891, 2), format_number(1234.5, 0), format_number(-0.5, 1), format_number(1234567.891, '##,###.#')
SELECT format_string('%d %s %05.2f', 1, 'a', 2.5D), printf('%x', 255), printf('%5s|%-5s|', 'a', 'b')
SELECT startswith('abc', 'a'), endswith('abc', 'c'), contains('abc', 'b'), contains('abc', NULL), startswith('abc', '')
SELECT base64('abc'), unbase64('YWJj'), hex('é'), encode('abc', 'utf-8'), decode(X'616263', 'utf-8'), decode(encode('é', 'UTF-16BE'), 'UTF-16BE')
SELECT elt(2, 'a', 'b'), find_in_set('b', 'a,b,c'), find_in_set('x', 'a,b'), field FROM VALUES (1) t(field)
SELECT sentences('Hi there. Bye!'), mask('AbCD123-@$#'), mask('AbC1', 'X', 'x', 'n', '-')
SELECT url_encode('a b&c'), url_decode('a+b%26c'), parse_url('http://h.com/p?q=1#f', 'HOST'), parse_url('http://h.com/p?q=1', 'QUERY', 'q'), parse_url('http://h.com/p', 'PATH')
SELECT luhn_check('4111111111111111'), luhn_check('123'), is_valid_utf8('abc'), collation('x')
SELECT 'it''s', "double", 'tab\there', 'uni\u00e9', r'raw\n', 'a' 'b', 'back\\slash'
SELECT 'a' || NULL || 'b', 'a' || 1 || 'b', '' IS NULL, length('') = 0
SELECT nullif(trim(' '), ''), coalesce(nullif('', ''), 'none')
SELECT upper('straße'), lower('İ') IS NULL, initcap('élan vital')
SELECT string(1.5), string(true), string(DATE'2024-01-01'), string(NULL)
SELECT s, length(s), upper(s), substring(s, 2, 3) FROM VALUES ('héllo'), (''), (NULL), ('日本語') t(s) ORDER BY s NULLS FIRST
SELECT to_json(split('1,2', ',')), array_join(split('b a', ' '), '+')
SELECT 'x' COLLATE UTF8_LCASE = 'X'
SELECT try_to_number('1', '9'), randn(1) IS NULL, uuid() IS NULL, length(uuid()), input_file_name()
SELECT lcase(NULL), trim(NULL), length(NULL), instr(NULL, 'a'), replace(NULL, 'a', 'b'), split(NULL, ','), lpad(NULL, 2, 'x')
