CREATE OR REPLACE TEMP VIEW people AS SELECT * FROM VALUES (1, 'Ann', 34, 1), (2, 'Bob', 41, 1), (3, 'Cid', NULL, 2), (4, 'Dee', 29, 9), (5, 'Eve', 38, 2) AS t(id, name, age, city);
CREATE OR REPLACE TEMP VIEW cities AS SELECT * FROM VALUES (1, 'London'), (2, 'Paris'), (3, 'Rome') AS t(id, title);
CREATE OR REPLACE TEMP VIEW w AS SELECT * FROM VALUES (1, 'a', 10), (1, 'b', 20), (2, 'c', 30), (3, 'd', NULL) AS t(o, k, v);
