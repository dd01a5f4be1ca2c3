-- values, a column list, and a query
CREATE TABLE ins (a INT, b STRING);
INSERT INTO ins VALUES (1, 'x'), (2, NULL);
INSERT INTO ins (b, a) VALUES ('z', 3);
INSERT INTO ins SELECT a + 10, upper(b) FROM ins WHERE a < 3;
SELECT * FROM ins ORDER BY a;

-- a column left out is NULL
CREATE TABLE ins (a INT, b STRING);
INSERT INTO ins (a) VALUES (1);
SELECT * FROM ins;

-- INSERT OVERWRITE
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (1);
INSERT OVERWRITE ins VALUES (2), (3);
SELECT * FROM ins ORDER BY a;

-- BY NAME
CREATE TABLE ins (a INT, b INT);
INSERT INTO ins BY NAME SELECT 2 AS b, 1 AS a;
SELECT * FROM ins;

-- ANSI store assignment: text into INT is refused
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES ('zz');
SELECT * FROM ins;

-- ANSI store assignment: a value out of range is refused
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (99999999999);
SELECT * FROM ins;

-- ANSI store assignment: BIGINT that fits
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (5L);
SELECT * FROM ins;

-- ANSI store assignment: a decimal is rounded, a fraction cut
CREATE TABLE ins (a DECIMAL(5,1), b INT);
INSERT INTO ins VALUES (1.25, 2.7);
SELECT * FROM ins;

-- ANSI store assignment: a decimal out of range is refused
CREATE TABLE ins (a DECIMAL(4,2));
INSERT INTO ins VALUES (123.45);
SELECT * FROM ins;

-- ANSI store assignment: numbers and dates into STRING
CREATE TABLE ins (a STRING);
INSERT INTO ins VALUES (1), (2.5);
INSERT INTO ins SELECT DATE'2024-01-01';
INSERT INTO ins SELECT 1e7D;
SELECT * FROM ins ORDER BY a;

-- ANSI store assignment: a date into INT is refused
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (DATE'2024-01-01');
SELECT * FROM ins;

-- too few columns are refused
CREATE TABLE ins (a INT, b INT);
INSERT INTO ins VALUES (1);
SELECT * FROM ins;

-- too many columns are refused
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (1, 2);
SELECT * FROM ins;

-- VARCHAR(n): what is too long is refused
CREATE TABLE ins (s VARCHAR(3));
INSERT INTO ins VALUES ('abcdef');
SELECT * FROM ins;

-- VARCHAR(n): what fits is kept, trailing blanks are cut
CREATE TABLE ins (s VARCHAR(3), t CHAR(3));
INSERT INTO ins VALUES ('abc  ', 'x'), ('é', NULL);
SELECT s, length(s), t, length(t) FROM ins ORDER BY s;

-- DEFAULT values
CREATE TABLE ins (a INT, s STRING DEFAULT 'new', n INT DEFAULT 1 + 1);
INSERT INTO ins (a) VALUES (1);
INSERT INTO ins VALUES (2, DEFAULT, 5);
SELECT * FROM ins ORDER BY a;

-- partitions by name and by value
CREATE TABLE ins (v INT, p STRING) PARTITIONED BY (p);
INSERT INTO ins PARTITION (p = 'a') VALUES (1);
INSERT INTO ins VALUES (2, 'b'), (3, NULL);
SELECT v, p FROM ins ORDER BY v;

-- CREATE TABLE AS SELECT keeps the types
CREATE TABLE ins AS SELECT 1 a, CAST(2.5 AS DECIMAL(4,2)) b, 'x' c, DATE'2024-01-01' d, 1 / 2 e, array(1) f;
SELECT * FROM ins;

-- CREATE TABLE AS SELECT of a sum and a mean of decimals
CREATE TABLE ins AS SELECT sum(x) s, avg(x) m FROM VALUES (CAST(1.10 AS DECIMAL(5,2))), (CAST(2.25 AS DECIMAL(5,2))) t(x);
SELECT * FROM ins;

-- CREATE TABLE of a name that exists
CREATE TABLE ins (a INT);
CREATE TABLE ins (a INT);

-- CREATE TABLE IF NOT EXISTS
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (1);
CREATE TABLE IF NOT EXISTS ins (b STRING);
SELECT * FROM ins;

-- INSERT with a CTE and a UNION
CREATE TABLE ins (a BIGINT);
INSERT INTO ins WITH t AS (SELECT 1 x UNION ALL SELECT 2) SELECT x * 10 FROM t;
SELECT * FROM ins ORDER BY a;

-- strings come back as they were written
CREATE TABLE ins (s STRING);
INSERT INTO ins VALUES ('bob@v8'), ('a -- b'), ('c /* d */'), ('QUALIFY x'), ('weekday(d)');
SELECT * FROM ins WHERE s <> 'a@v1' ORDER BY s;

-- a view over a table follows it
CREATE TABLE ins (a INT);
CREATE OR REPLACE TEMP VIEW ins_v AS SELECT a * 2 d FROM ins;
INSERT INTO ins VALUES (1), (2);
SELECT sum(d) FROM ins_v;

-- DESCRIBE of a table's columns
CREATE TABLE ins (a INT COMMENT 'first', b DECIMAL(5,2), c VARCHAR(3));
DESCRIBE TABLE ins;

-- SHOW COLUMNS
CREATE TABLE ins (a INT, b STRING);
SHOW COLUMNS IN ins;

-- TRUNCATE TABLE
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (1);
TRUNCATE TABLE ins;
SELECT count(*) FROM ins;

-- DROP TABLE, then read
CREATE TABLE ins (a INT);
DROP TABLE ins;
SELECT * FROM ins;

-- a view of a view follows the table
CREATE TABLE ins (a INT);
INSERT INTO ins VALUES (1);
CREATE OR REPLACE TEMP VIEW ins_v1 AS SELECT a + 1 b FROM ins;
CREATE OR REPLACE TEMP VIEW ins_v2 AS SELECT b * 10 c FROM ins_v1;
INSERT INTO ins VALUES (2);
SELECT c FROM ins_v2 ORDER BY c;

-- INSERT of a double as text, and of text as a double
CREATE TABLE ins (a STRING, b DOUBLE);
INSERT INTO ins SELECT 12345678.5D, 1;
SELECT * FROM ins;

-- a view that stays follows the table
CREATE TABLE ins (a INT);
CREATE OR REPLACE VIEW ins_kept AS SELECT a + 1 AS b FROM ins;
SELECT * FROM ins_kept;
INSERT INTO ins VALUES (1);
SELECT * FROM ins_kept;

-- NULL twice
CREATE TABLE ins (a INT, b STRING, c INT);
INSERT INTO ins SELECT NULL, NULL, 3;
INSERT INTO ins (c, b) SELECT 1, 1;
INSERT INTO ins SELECT a, a, a FROM VALUES (7) t(a);
SELECT * FROM ins ORDER BY c;

-- columns of one name in a subquery
CREATE TABLE ins (a INT, b INT, c INT);
INSERT INTO ins SELECT * FROM (SELECT NULL, NULL, 5);
INSERT INTO ins SELECT * FROM (SELECT 1 x, 2 x, 6);
SELECT * FROM ins ORDER BY c;
