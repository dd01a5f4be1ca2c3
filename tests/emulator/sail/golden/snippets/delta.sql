-- UPDATE answers the number of rows
CREATE TABLE ins (id INT, v STRING);
INSERT INTO ins VALUES (1, 'a'), (2, 'b');
UPDATE ins SET v = upper(v) WHERE id > 1;

-- UPDATE with arithmetic
CREATE TABLE ins (id INT, v DECIMAL(10,2));
INSERT INTO ins VALUES (1, 10), (2, NULL);
UPDATE ins SET v = v / 3 WHERE id = 1;
SELECT * FROM ins ORDER BY id;

-- UPDATE that overflows changes nothing
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (2147483647);
UPDATE ins SET v = v + 1;

-- UPDATE of a value that does not fit
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (1);
UPDATE ins SET v = 3000000000;

-- UPDATE and DELETE by a subquery
CREATE TABLE ins (id INT, v INT);
INSERT INTO ins VALUES (1, 1), (1, 1), (2, 2), (3, NULL);
UPDATE ins SET v = v + 10 WHERE id IN (SELECT 1);
DELETE FROM ins WHERE v > (SELECT 5);
SELECT * FROM ins ORDER BY id;

-- DELETE answers the number of rows
CREATE TABLE ins (id INT);
INSERT INTO ins VALUES (1), (2), (NULL);
DELETE FROM ins WHERE id > 1;

-- DELETE by NOT IN with a NULL deletes nothing
CREATE TABLE ins (id INT);
INSERT INTO ins VALUES (1), (2);
DELETE FROM ins WHERE id NOT IN (SELECT * FROM VALUES (2), (NULL) t(v));
SELECT * FROM ins ORDER BY id;

-- INSERT answers the number of rows
CREATE TABLE ins (id INT);
INSERT INTO ins VALUES (1), (2);

-- MERGE answers the numbers of rows
CREATE TABLE ins (id INT, v STRING);
INSERT INTO ins VALUES (1, 'a'), (2, 'b'), (3, 'c');
MERGE INTO ins t USING (SELECT * FROM VALUES (1, 'A'), (2, NULL), (9, 'z') s(id, v)) s ON t.id = s.id WHEN MATCHED AND s.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET t.v = s.v WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 'gone';

-- MERGE with every clause
CREATE TABLE ins (id INT, v STRING);
INSERT INTO ins VALUES (1, 'a'), (2, 'b'), (3, 'c');
MERGE INTO ins t USING (SELECT * FROM VALUES (1, 'A'), (2, NULL), (9, 'z') s(id, v)) s ON t.id = s.id WHEN MATCHED AND s.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET t.v = s.v WHEN NOT MATCHED THEN INSERT * WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 'gone';
SELECT * FROM ins ORDER BY id;

-- MERGE with two source rows for one target row
CREATE TABLE ins (id INT, v STRING);
INSERT INTO ins VALUES (1, 'a');
MERGE INTO ins t USING (SELECT * FROM VALUES (1, 'x'), (1, 'y') s(id, v)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v;

-- MERGE with decimal arithmetic
CREATE TABLE ins (id INT, v DECIMAL(10,4));
INSERT INTO ins VALUES (1, 10);
MERGE INTO ins t USING (SELECT 1 AS id, CAST(3 AS DECIMAL(10,2)) AS d) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = t.v / s.d;
SELECT * FROM ins;

-- MERGE WITH SCHEMA EVOLUTION
CREATE TABLE ins (id INT);
INSERT INTO ins VALUES (1);
MERGE WITH SCHEMA EVOLUTION INTO ins t USING (SELECT 50 AS id, 7 AS extra) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT *;
SELECT * FROM ins ORDER BY id;

-- a CHECK constraint that rows violate cannot be added
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (5);
ALTER TABLE ins ADD CONSTRAINT big CHECK (v > 10);

-- a CHECK constraint refuses an INSERT
CREATE TABLE ins (v INT);
ALTER TABLE ins ADD CONSTRAINT positive CHECK (v > 0);
INSERT INTO ins VALUES (-1);

-- NOT NULL refuses NULL
CREATE TABLE ins (id INT NOT NULL);
INSERT INTO ins VALUES (NULL);

-- an identity column
CREATE TABLE ins (id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 10), v STRING);
INSERT INTO ins (v) VALUES ('a'), ('b');
INSERT INTO ins (v) VALUES ('c');
SELECT count(DISTINCT id), min(id), max((id - 100) % 10) FROM ins;

-- a generated column
CREATE TABLE ins (ts TIMESTAMP, d DATE GENERATED ALWAYS AS (CAST(ts AS DATE)));
INSERT INTO ins (ts) VALUES (TIMESTAMP'2024-05-06 01:02:03');
SELECT * FROM ins;

-- a generated column refuses another value
CREATE TABLE ins (ts TIMESTAMP, d DATE GENERATED ALWAYS AS (CAST(ts AS DATE)));
INSERT INTO ins (ts, d) VALUES (TIMESTAMP'2024-05-06 01:02:03', DATE'1999-01-01');

-- time travel by version
CREATE TABLE ins (id INT);
INSERT INTO ins VALUES (1);
INSERT INTO ins VALUES (2);
SELECT count(*) FROM ins VERSION AS OF 1;

-- time travel by @v
CREATE TABLE ins (id INT);
INSERT INTO ins VALUES (1);
INSERT INTO ins VALUES (2);
SELECT count(*) FROM ins@v1;

-- RESTORE
CREATE TABLE ins (id INT);
INSERT INTO ins VALUES (1);
INSERT INTO ins VALUES (2);
RESTORE TABLE ins TO VERSION AS OF 1;
SELECT id FROM ins;

-- INSERT INTO ... REPLACE WHERE
CREATE TABLE ins (a INT, b INT);
INSERT INTO ins VALUES (1, 1), (2, 2);
INSERT INTO ins REPLACE WHERE a = 1 SELECT 1, 99;
SELECT * FROM ins ORDER BY a;

-- INSERT OVERWRITE of a partitioned table replaces all of it
CREATE TABLE ins (v INT, p STRING) PARTITIONED BY (p);
INSERT INTO ins VALUES (1, 'a'), (2, 'b');
INSERT OVERWRITE ins VALUES (9, 'a');
SELECT * FROM ins ORDER BY v;

-- ADD COLUMNS leaves NULL in old rows
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (1);
ALTER TABLE ins ADD COLUMNS (n DOUBLE, s STRING);
INSERT INTO ins VALUES (2, 1.5, 'x');
SELECT * FROM ins ORDER BY v;

-- NULL and '' as partitions
CREATE TABLE ins (v INT, p STRING) PARTITIONED BY (p);
INSERT INTO ins VALUES (1, NULL), (2, ''), (3, 'x');
SELECT v, p FROM ins WHERE p IS NULL ORDER BY v;

-- OPTIMIZE keeps the rows
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (1);
INSERT INTO ins VALUES (2);
OPTIMIZE ins;
SELECT * FROM ins ORDER BY v;

-- VACUUM of less than the retention period is refused
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (1);
VACUUM ins RETAIN 0 HOURS;

-- CREATE OR REPLACE TABLE AS with other columns
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (1);
CREATE OR REPLACE TABLE ins AS SELECT 'x' AS s, 2.5 AS d;
SELECT * FROM ins;

-- a table of a sum that overflows is not made
CREATE TABLE ins AS SELECT sum(v) AS s FROM VALUES (9223372036854775807L), (1L) t(v);

-- SHALLOW CLONE
CREATE TABLE ins (v INT);
INSERT INTO ins VALUES (1);
CREATE OR REPLACE TABLE ins_clone SHALLOW CLONE ins;
SELECT * FROM ins_clone;
