"""Checks: catalogs, schemas, tables, views and functions are made, replaced and dropped.

Values of the source SPARK are those of Apache Spark, whose tables here are Parquet; the others are those of
the Databricks page that stands beside them.
"""

# ruff: noqa: E501
from __future__ import annotations

import datetime as dt

from tests.emulator.sail.checks.check import SPARK, Check, differs, fails, refused, sql

_SQL = "https://docs.databricks.com/en/sql/language-manual/sql-ref-syntax-"
_DDL = f"{_SQL}ddl-create-"
_DELTA = "https://docs.databricks.com/en/delta/"
_COLUMNS = "col_name data_type comment"
_IDENTITY = f"{_DDL}table-using.html"

CHECKS: list[Check] = [
    Check(
        "CREATE SCHEMA … LOCATION",
        sql(
            "CREATE SCHEMA IF NOT EXISTS silver LOCATION '{data}/silver'",
            "CREATE TABLE silver.t (id INT)",
            "SHOW TABLES IN silver",
        ),
        [("silver", "t", False)],
        SPARK,
    ),
    Check(
        "CREATE SCHEMA … COMMENT",
        sql("CREATE SCHEMA IF NOT EXISTS silver COMMENT 'x'", "SHOW SCHEMAS LIKE 'sil*'"),
        [("silver",)],
        SPARK,
    ),
    Check(
        "CREATE SCHEMA … MANAGED LOCATION",
        sql(
            "CREATE SCHEMA main.gold MANAGED LOCATION '{data}/gold'",
            "CREATE TABLE main.gold.t (id INT)",
            "SHOW TABLES IN main.gold",
        ),
        [("gold", "t", False)],
        f"{_DDL}schema.html",
    ),
    Check(
        "CREATE CATALOG",
        sql(
            "CREATE CATALOG IF NOT EXISTS newcat", "CREATE SCHEMA newcat.s", "SHOW SCHEMAS IN newcat LIKE 's'"
        ),
        [("s",)],
        f"{_DDL}catalog.html",
    ),
    Check(
        "CREATE VOLUME",
        sql("CREATE VOLUME IF NOT EXISTS {s}.landing", "SHOW VOLUMES IN {s}"),
        [("lab", "landing")],
        f"{_SQL}aux-show-volumes.html",
    ),
    Check(
        "CREATE TABLE with NOT NULL and comments",
        sql(
            "CREATE TABLE {s}.orders (id BIGINT NOT NULL COMMENT 'pk', customer STRING, amount DECIMAL(10,2), ts TIMESTAMP, d DATE) COMMENT 'orders' TBLPROPERTIES ('quality'='bronze')",
            "DESCRIBE {s}.orders",
        ),
        [
            ("id", "bigint", "pk"),
            ("customer", "string", None),
            ("amount", "decimal(10,2)", None),
            ("ts", "timestamp", None),
            ("d", "date", None),
        ],
        SPARK,
    ),
    Check(
        "CREATE TABLE … TBLPROPERTIES",
        sql(
            "CREATE TABLE orders (id INT) USING DELTA TBLPROPERTIES ('quality'='bronze')",
            "SHOW TBLPROPERTIES orders ('quality')",
        ),
        [("quality", "bronze")],
        f"{_SQL}aux-show-tblproperties.html",
    ),
    Check(
        "CREATE TABLE with the change data feed",
        sql(
            "CREATE TABLE cdf (id BIGINT) TBLPROPERTIES ('delta.enableChangeDataFeed'='true')",
            "INSERT INTO cdf VALUES (1)",
            "UPDATE cdf SET id = 2 WHERE id = 1",
            "SELECT * FROM cdf",
        ),
        [(2,)],
        f"{_DELTA}delta-change-data-feed.html",
    ),
    Check(
        "table_changes()",
        sql(
            "CREATE TABLE cdf (id BIGINT) TBLPROPERTIES ('delta.enableChangeDataFeed'='true')",
            "SELECT * FROM table_changes('cdf', 0)",
        ),
        refused("table_changes() (the change data feed)"),
        "https://docs.databricks.com/en/sql/language-manual/functions/table_changes.html",
    ),
    Check(
        "CREATE TABLE without USING is Delta",
        sql("CREATE TABLE IF NOT EXISTS t0 (id INT, v STRING)", "DESCRIBE DETAIL t0", take="format"),
        [("delta",)],
        f"{_DDL}table-using.html",
    ),
    Check(
        "CREATE TABLE PARTITIONED BY",
        sql("CREATE TABLE part (id INT, region STRING) PARTITIONED BY (region)", "DESCRIBE part"),
        [
            ("id", "int", None),
            ("region", "string", None),
            ("# Partition Information", "", ""),
            ("# col_name", "data_type", "comment"),
            ("region", "string", None),
        ],
        SPARK,
    ),
    Check(
        "CREATE TABLE CLUSTER BY",
        sql("CREATE TABLE clus (id INT, region STRING) CLUSTER BY (region)", "DESCRIBE clus"),
        differs(
            [("id", "int", None), ("region", "string", None)],
            [
                ("id", "int", None),
                ("region", "string", None),
                ("# Clustering Information", "", ""),
                ("# col_name", "data_type", "comment"),
                ("region", "string", None),
            ],
            "CLUSTER BY is read and not kept: it changes no rows",
        ),
        SPARK,
    ),
    Check(
        "CREATE TABLE CLUSTER BY AUTO",
        sql(
            "CREATE TABLE clus2 (id INT) CLUSTER BY AUTO",
            "INSERT INTO clus2 VALUES (1)",
            "SELECT * FROM clus2",
        ),
        [(1,)],
        f"{_DELTA}clustering.html",
    ),
    Check(
        "GENERATED ALWAYS AS IDENTITY",
        sql(
            "CREATE TABLE ident (id BIGINT GENERATED ALWAYS AS IDENTITY, v STRING)",
            "INSERT INTO ident (v) VALUES ('a'), ('b')",
            "SELECT id FROM ident ORDER BY id",
        ),
        [(1,), (2,)],
        _IDENTITY,
    ),
    Check(
        "GENERATED ALWAYS AS IDENTITY takes no value",
        sql(
            "CREATE TABLE ident (id BIGINT GENERATED ALWAYS AS IDENTITY, v STRING)",
            "INSERT INTO ident (id, v) VALUES (7, 'a')",
        ),
        fails("DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED"),
        "https://docs.databricks.com/en/error-messages/error-classes.html",
    ),
    Check(
        "GENERATED BY DEFAULT AS IDENTITY (START … INCREMENT …)",
        sql(
            "CREATE TABLE ident (id BIGINT GENERATED BY DEFAULT AS IDENTITY (START WITH 100 INCREMENT BY 10), v STRING)",
            "INSERT INTO ident (v) VALUES ('a')",
            "INSERT INTO ident VALUES (7, 'b')",
            "SELECT * FROM ident ORDER BY v",
        ),
        [(100, "a"), (7, "b")],
        _IDENTITY,
    ),
    Check(
        "DEFAULT of a column",
        sql(
            "CREATE TABLE dflt (id INT, s STRING DEFAULT 'x') TBLPROPERTIES('delta.feature.allowColumnDefaults'='supported')",
            "INSERT INTO dflt (id) VALUES (1)",
            "INSERT INTO dflt VALUES (2, DEFAULT)",
            "SELECT * FROM dflt ORDER BY id",
        ),
        [(1, "x"), (2, "x")],
        SPARK,
    ),
    Check(
        "PRIMARY KEY, which is not enforced",
        sql(
            "CREATE TABLE pk (id INT NOT NULL, CONSTRAINT pk1 PRIMARY KEY(id))",
            "INSERT INTO pk VALUES (1), (1)",
            "SELECT count(*) FROM pk",
        ),
        [(2,)],
        f"{_DDL}table-constraint.html",
    ),
    Check(
        "CREATE TABLE LIKE",
        sql(
            "CREATE TABLE t0 (id INT COMMENT 'c', v STRING)",
            "INSERT INTO t0 VALUES (1, 'a')",
            "CREATE TABLE lk LIKE t0",
            "DESCRIBE lk",
        ),
        [("id", "int", "c"), ("v", "string", None)],
        SPARK,
    ),
    Check(
        "CREATE TABLE LIKE copies no rows",
        sql(
            "CREATE TABLE t0 (id INT)",
            "INSERT INTO t0 VALUES (1)",
            "CREATE TABLE lk LIKE t0",
            "SELECT count(*) FROM lk",
        ),
        [(0,)],
        SPARK,
    ),
    Check(
        "DEEP CLONE",
        sql(
            "CREATE TABLE t0 (id INT, v STRING)",
            "INSERT INTO t0 VALUES (1, 'a')",
            "CREATE OR REPLACE TABLE cl DEEP CLONE t0",
            "DELETE FROM t0",
            "SELECT * FROM cl",
        ),
        [(1, "a")],
        f"{_DELTA}clone.html",
    ),
    Check(
        "CREATE OR REPLACE TABLE with columns",
        sql(
            "CREATE OR REPLACE TABLE rep (a INT)",
            "INSERT INTO rep VALUES (1)",
            "CREATE OR REPLACE TABLE rep (a STRING, b INT)",
            "DESCRIBE rep",
        ),
        [("a", "string", None), ("b", "int", None)],
        f"{_DDL}table-using.html",
    ),
    Check(
        "CREATE OR REPLACE TABLE empties the table",
        sql(
            "CREATE OR REPLACE TABLE rep (a INT)",
            "INSERT INTO rep VALUES (1)",
            "CREATE OR REPLACE TABLE rep (a INT)",
            "SELECT count(*) FROM rep",
        ),
        [(0,)],
        f"{_DDL}table-using.html",
    ),
    Check(
        "CREATE OR REPLACE TABLE AS SELECT with the same columns",
        sql(
            "CREATE OR REPLACE TABLE rep AS SELECT 1 a",
            "CREATE OR REPLACE TABLE rep AS SELECT 2 a",
            "SELECT * FROM rep",
        ),
        [(2,)],
        f"{_DDL}table-using.html",
    ),
    Check(
        "CREATE OR REPLACE TABLE AS SELECT keeps the history",
        sql(
            "CREATE OR REPLACE TABLE rep AS SELECT 1 a",
            "CREATE OR REPLACE TABLE rep AS SELECT 'x' a, 1 b",
            "DESCRIBE HISTORY rep",
            take="version operation",
        ),
        [(1, "CREATE OR REPLACE TABLE AS SELECT"), (0, "CREATE OR REPLACE TABLE AS SELECT")],
        f"{_DELTA}history.html",
    ),
    Check(
        "CREATE TABLE AS SELECT with COMMENT",
        sql("CREATE TABLE ct COMMENT 'c' AS SELECT 1 a", "DESCRIBE DETAIL ct", take="description"),
        [("c",)],
        f"{_DELTA}table-details.html",
    ),
    Check(
        "CREATE TABLE AS SELECT with TBLPROPERTIES",
        sql("CREATE TABLE ct TBLPROPERTIES('x'='y') AS SELECT 1 a", "SHOW TBLPROPERTIES ct ('x')"),
        [("x", "y")],
        SPARK,
    ),
    Check(
        "CREATE TABLE AS SELECT PARTITIONED BY",
        sql("CREATE TABLE ctp PARTITIONED BY (r) AS SELECT 1 a, 'eu' r", "SHOW PARTITIONS ctp"),
        [("eu",)],
        f"{_SQL}aux-show-partitions.html",
    ),
    Check(
        "CREATE VIEW",
        sql(
            "CREATE TABLE t (id INT, v STRING)",
            "INSERT INTO t VALUES (1, 'a')",
            "CREATE VIEW {s}.v1 AS SELECT id FROM {s}.t",
            "SELECT * FROM {s}.v1",
        ),
        [(1,)],
        SPARK,
    ),
    Check(
        "CREATE OR REPLACE VIEW",
        sql(
            "CREATE TABLE t (id INT, v STRING)",
            "INSERT INTO t VALUES (1, 'a')",
            "CREATE VIEW v1 AS SELECT id FROM t",
            "CREATE OR REPLACE VIEW v1 AS SELECT v, id FROM t",
            "SELECT * FROM v1",
        ),
        [("a", 1)],
        SPARK,
    ),
    Check(
        "CREATE VIEW of a name that exists",
        sql("CREATE VIEW v1 AS SELECT 1 a", "CREATE VIEW v1 AS SELECT 2 a"),
        fails("TABLE_OR_VIEW_ALREADY_EXISTS"),
        SPARK,
    ),
    Check(
        "CREATE MATERIALIZED VIEW",
        sql("CREATE MATERIALIZED VIEW mv AS SELECT 1 a"),
        refused("CREATE MATERIALIZED VIEW"),
        f"{_DDL}materialized-view.html",
    ),
    Check(
        "CREATE STREAMING TABLE",
        sql("CREATE OR REFRESH STREAMING TABLE stt AS SELECT 1 a"),
        refused("CREATE STREAMING TABLE"),
        f"{_DDL}streaming-table.html",
    ),
    Check(
        "CREATE FUNCTION in SQL",
        sql("CREATE OR REPLACE FUNCTION {s}.f(x INT) RETURNS INT RETURN x+1", "SELECT {s}.f(2), f(3)"),
        [(3, 4)],
        f"{_DDL}sql-function.html",
    ),
    Check(
        "CREATE TEMPORARY FUNCTION in SQL",
        sql("CREATE OR REPLACE TEMPORARY FUNCTION f2(x INT) RETURNS INT RETURN x+1", "SELECT f2(2)"),
        [(3,)],
        SPARK,
    ),
    Check(
        "a generated column",
        sql(
            "CREATE TABLE gen (ts TIMESTAMP, d DATE GENERATED ALWAYS AS (CAST(ts AS DATE)))",
            "INSERT INTO gen (ts) VALUES (timestamp'2024-01-02 03:04:05')",
            "SELECT d FROM gen",
        ),
        [(dt.date(2024, 1, 2),)],
        f"{_DELTA}generated-columns.html",
    ),
    Check(
        "DROP TABLE IF EXISTS",
        sql("CREATE TABLE t (a INT)", "DROP TABLE IF EXISTS nope", "DROP TABLE IF EXISTS t", "SHOW TABLES"),
        [],
        SPARK,
    ),
    Check("DROP TABLE of no table", sql("DROP TABLE nope"), fails("TABLE_OR_VIEW_NOT_FOUND"), SPARK),
    Check(
        "UNDROP TABLE",
        sql("CREATE TABLE t (a INT)", "DROP TABLE t", "UNDROP TABLE t"),
        refused("UNDROP TABLE"),
        f"{_SQL}ddl-undrop-table.html",
    ),
]
