"""Checks: SHOW, DESCRIBE, the information schema, settings, variables and names.

Values of the source SPARK are those of Apache Spark, whose tables here are Parquet; the others are those of
the Databricks page that stands beside them.
"""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

from tests.emulator.sail.checks.check import SPARK, Action, Check, Environment, differs, fails, refused, sql

_SQL = "https://docs.databricks.com/en/sql/language-manual/"
_SHOW = f"{_SQL}sql-ref-syntax-aux-show-"
_ORDERS = "CREATE TABLE orders (id BIGINT NOT NULL COMMENT 'pk', customer STRING) COMMENT 'o' TBLPROPERTIES ('quality'='bronze')"
_OPERATIONS = "https://github.com/delta-io/delta/blob/master/spark/src/main/scala/org/apache/spark/sql/delta/DeltaOperations.scala"
_COLUMNS = [("id", "bigint", "pk"), ("customer", "string", None)]


def facts(*statements: str, keys: tuple[str, ...]) -> Action:
    """The rows of a DESCRIBE that begin with one of `keys`, each as name and value."""

    def run(e: Environment) -> Any:
        rows = sql(*statements)(e).collect()
        return [tuple(row[:2]) for row in rows if row[0] in keys]

    return run


def counted(statement: str, **values: str) -> Action:
    """Asks with parameters, of a table of two rows."""

    def run(e: Environment) -> Any:
        sql("CREATE TABLE orders (id INT)", "INSERT INTO orders VALUES (1), (2)")(e)
        return e.spark.sql(statement, {key: text.replace("{s}", e.schema) for key, text in values.items()})

    return run


CHECKS: list[Check] = [
    Check(
        "SHOW CATALOGS",
        sql("CREATE CATALOG extra", "SHOW CATALOGS LIKE 'ex*'"),
        [("extra",)],
        f"{_SHOW}catalogs.html",
    ),
    Check("SHOW CATALOGS names main", sql("SHOW CATALOGS LIKE 'main'"), [("main",)], f"{_SHOW}catalogs.html"),
    Check(
        "SHOW SCHEMAS IN main",
        sql("SHOW SCHEMAS IN main", take="databaseName"),
        [("default",), ("lab",)],
        f"{_SHOW}schemas.html",
    ),
    Check(
        "USE CATALOG",
        sql(
            "CREATE CATALOG c",
            "CREATE SCHEMA c.s",
            "USE CATALOG c",
            "USE SCHEMA s",
            "SELECT current_catalog(), current_schema()",
        ),
        [("c", "s")],
        f"{_SQL}sql-ref-syntax-ddl-use-catalog.html",
    ),
    Check(
        "USE SCHEMA",
        sql("CREATE SCHEMA bronze", "USE SCHEMA bronze", "SELECT current_schema()"),
        [("bronze",)],
        SPARK,
    ),
    Check("USE", sql("CREATE SCHEMA silver", "USE silver", "SELECT current_schema()"), [("silver",)], SPARK),
    Check("USE of two parts", sql("USE default", "USE {s}", "SELECT current_schema()"), [("lab",)], SPARK),
    Check("USE of no schema", sql("USE nope"), fails("SCHEMA_NOT_FOUND"), SPARK),
    Check(
        "current_catalog and current_user",
        sql("SELECT current_catalog(), current_user()"),
        [("main", "ada@example.org")],
        f"{_SQL}functions/current_user.html",
    ),
    Check(
        "SHOW TABLES IN",
        sql("CREATE TABLE b (i INT)", "CREATE TABLE a (i INT)", "SHOW TABLES IN {s}"),
        [("lab", "a", False), ("lab", "b", False)],
        SPARK,
    ),
    Check(
        "SHOW TABLES LIKE",
        sql("CREATE TABLE ab (i INT)", "CREATE TABLE cd (i INT)", "SHOW TABLES LIKE 'a*'"),
        [("lab", "ab", False)],
        SPARK,
    ),
    Check(
        "SHOW VIEWS",
        sql(
            "CREATE TABLE t (i INT)",
            "CREATE VIEW v AS SELECT 1 a",
            "SHOW VIEWS IN {s}",
            take="namespace viewName isTemporary",
        ),
        [("lab", "v", False)],
        SPARK,
    ),
    Check("SHOW COLUMNS", sql(_ORDERS, "SHOW COLUMNS IN {s}.orders"), [("id",), ("customer",)], SPARK),
    Check(
        "SHOW CREATE TABLE can be run again",
        lambda e: (
            e.run(_ORDERS),
            text := e.run("SHOW CREATE TABLE orders").collect()[0][0],
            e.run("DROP TABLE orders"),
            e.run(text),
            e.run("DESCRIBE orders").collect(),
        )[-1],
        _COLUMNS,
        SPARK,
    ),
    Check(
        "SHOW TBLPROPERTIES",
        sql(_ORDERS, "SHOW TBLPROPERTIES orders ('quality')"),
        [("quality", "bronze")],
        SPARK,
    ),
    Check(
        "SHOW PARTITIONS",
        sql(
            "CREATE TABLE p (a INT, r STRING, s STRING) PARTITIONED BY (r, s)",
            "INSERT INTO p VALUES (1, 'us', 'x'), (2, 'eu', 'y'), (3, 'eu', 'y')",
            "SHOW PARTITIONS p",
        ),
        [("eu", "y"), ("us", "x")],
        f"{_SHOW}partitions.html",
    ),
    Check("DESCRIBE", sql(_ORDERS, "DESCRIBE {s}.orders"), _COLUMNS, SPARK),
    Check("DESCRIBE TABLE", sql(_ORDERS, "DESCRIBE TABLE orders"), _COLUMNS, SPARK),
    Check("DESCRIBE of no table", sql("DESCRIBE nope"), fails("TABLE_OR_VIEW_NOT_FOUND"), SPARK),
    Check(
        "DESCRIBE TABLE EXTENDED",
        facts(_ORDERS, "DESCRIBE TABLE EXTENDED orders", keys=("id", "Database", "Table", "Type", "Comment")),
        [("id", "bigint"), ("Database", "lab"), ("Table", "orders"), ("Type", "MANAGED"), ("Comment", "o")],
        SPARK,
    ),
    Check(
        "DESCRIBE EXTENDED",
        facts(_ORDERS, "DESCRIBE EXTENDED orders", keys=("Catalog", "Provider")),
        [("Catalog", "main"), ("Provider", "delta")],
        f"{_SQL}sql-ref-syntax-aux-describe-table.html",
    ),
    Check(
        "DESCRIBE SCHEMA",
        facts("CREATE SCHEMA x COMMENT 'c'", "DESCRIBE SCHEMA x", keys=("Namespace Name", "Comment")),
        differs(
            [("Namespace Name", "x"), ("Comment", "")],
            [("Namespace Name", "x"), ("Comment", "c")],
            "Comments of schemas are read and not kept",
        ),
        SPARK,
    ),
    Check(
        "DESCRIBE DETAIL",
        sql(
            "CREATE TABLE p (a INT, r STRING) PARTITIONED BY (r)",
            "INSERT INTO p VALUES (1, 'us')",
            "DESCRIBE DETAIL p",
            take="format name partitionColumns numFiles",
        ),
        [("delta", "main.lab.p", ["r"], 1)],
        "https://docs.databricks.com/en/delta/table-details.html",
    ),
    Check(
        "DESCRIBE HISTORY",
        sql(
            "CREATE TABLE p (a INT)",
            "INSERT INTO p VALUES (1)",
            "UPDATE p SET a = 2",
            "DELETE FROM p WHERE a = 2",
            "DESCRIBE HISTORY p",
            take="version userName operation",
        ),
        [
            (3, "ada@example.org", "DELETE"),
            (2, "ada@example.org", "UPDATE"),
            (1, "ada@example.org", "WRITE"),
            (0, "ada@example.org", "CREATE TABLE"),
        ],
        "https://docs.databricks.com/en/delta/history.html",
    ),
    Check(
        "DESCRIBE HISTORY of upkeep",
        sql(
            "CREATE TABLE p (a INT)",
            "INSERT INTO p VALUES (1)",
            "INSERT INTO p VALUES (2)",
            "OPTIMIZE p",
            "VACUUM p",
            "RESTORE TABLE p TO VERSION AS OF 1",
            "TRUNCATE TABLE p",
            "DESCRIBE HISTORY p LIMIT 5",
            take="version readVersion operation",
        ),
        [
            (7, 6, "TRUNCATE"),
            (6, 5, "RESTORE"),
            (5, 4, "VACUUM END"),
            (4, 3, "VACUUM START"),
            (3, 2, "OPTIMIZE"),
        ],
        _OPERATIONS,
    ),
    Check(
        "the columns of DESCRIBE HISTORY",
        lambda e: (
            e.run("CREATE TABLE p (a INT)"),
            [
                name
                for name in e.run("DESCRIBE HISTORY p").columns
                if name != "engineInfo"  # Delta Lake's own; the page has it not
            ],
        )[1],
        [
            *("version", "timestamp", "userId", "userName", "operation", "operationParameters", "job"),
            *("notebook", "clusterId", "readVersion", "isolationLevel", "isBlindAppend"),
            *("operationMetrics", "userMetadata"),
        ],
        "https://docs.databricks.com/aws/en/tables/history-schema",
    ),
    Check(
        "the metrics of RESTORE in DESCRIBE HISTORY",
        lambda e: (
            sql("CREATE TABLE p (a INT)", "INSERT INTO p VALUES (1)", "RESTORE p TO VERSION AS OF 0")(e),
            sorted(e.run("DESCRIBE HISTORY p LIMIT 1").first().operationMetrics),
        )[1],
        [
            *("numOfFilesAfterRestore", "numRemovedFiles", "numRestoredFiles", "removedFilesSize"),
            *("restoredFilesSize", "tableSizeAfterRestore"),
        ],
        "https://docs.databricks.com/aws/en/tables/history-schema",
    ),
    Check(
        "DESCRIBE DETAIL names the features of a table",
        sql("CREATE TABLE p (a INT)", "DESCRIBE DETAIL p", take="tableFeatures statistics clusteringColumns"),
        [(["appendOnly", "invariants"], {}, [])],
        "https://docs.databricks.com/aws/en/tables/operations/table-details",
    ),
    Check(
        "TRUNCATE TABLE answers no rows",
        sql("CREATE TABLE p (a INT)", "INSERT INTO p VALUES (1)", "TRUNCATE TABLE p"),
        [],
        SPARK,
    ),
    Check(
        "information_schema.tables",
        sql(
            "CREATE TABLE t (a INT)",
            "CREATE VIEW v AS SELECT 1 a",
            "SELECT table_catalog, table_schema, table_name, table_type FROM main.information_schema.tables WHERE table_schema = 'lab' ORDER BY 3",
        ),
        [("main", "lab", "t", "MANAGED"), ("main", "lab", "v", "VIEW")],
        f"{_SQL}information-schema/tables.html",
    ),
    Check(
        "system.information_schema.tables",
        sql(
            "CREATE TABLE t (a INT)",
            "SELECT table_catalog, table_name FROM system.information_schema.tables WHERE table_schema = 'lab'",
        ),
        [("main", "t")],
        f"{_SQL}sql-ref-information-schema.html",
    ),
    Check(
        "information_schema.columns",
        sql(
            _ORDERS,
            "SELECT column_name, ordinal_position, is_nullable, full_data_type, comment FROM main.information_schema.columns WHERE table_name = 'orders' ORDER BY 2",
        ),
        [("id", 0, "NO", "bigint", "pk"), ("customer", 1, "YES", "string", None)],
        f"{_SQL}information-schema/columns.html",
    ),
    Check(
        "EXPLAIN answers one text",
        lambda e: (lambda rows: (len(rows), rows[0][0].startswith("== Physical Plan ==")))(
            e.run("EXPLAIN SELECT 1").collect()
        ),
        (1, True),
        SPARK,
    ),
    Check(
        "SET key = value",
        sql("SET spark.sql.shuffle.partitions=4", "SET spark.sql.shuffle.partitions"),
        [("spark.sql.shuffle.partitions", "4")],
        SPARK,
    ),
    Check(
        "SET answers the pair",
        sql("SET spark.sql.shuffle.partitions=4"),
        [("spark.sql.shuffle.partitions", "4")],
        SPARK,
    ),
    Check(
        "SET without a key",
        sql("SET"),
        refused("SET without a key"),
        f"{_SQL}sql-ref-syntax-aux-conf-mgmt-set.html",
    ),
    Check(
        "DECLARE VARIABLE", sql("DECLARE OR REPLACE VARIABLE x INT DEFAULT 5", "SELECT x + 1"), [(6,)], SPARK
    ),
    Check(
        "SET VAR",
        sql("DECLARE OR REPLACE VARIABLE x INT DEFAULT 5", "SET VAR x = 7", "SELECT x"),
        [(7,)],
        SPARK,
    ),
    Check(
        "SET VAR of two variables by a query",
        sql("DECLARE a INT", "DECLARE b STRING", "SET VAR (a, b) = (SELECT 1, 'x')", "SELECT a, b"),
        [(1, "x")],
        SPARK,
    ),
    Check("IDENTIFIER()", counted("SELECT count(*) FROM IDENTIFIER(:t)", t="{s}.orders"), [(2,)], SPARK),
    Check(
        "IDENTIFIER() of parts",
        counted("SELECT count(*) FROM IDENTIFIER(:c || '.orders')", c="{s}"),
        [(2,)],
        SPARK,
    ),
    Check("BEGIN … END", sql("BEGIN DECLARE v INT DEFAULT 1; SET v = v + 1; SELECT v; END"), [(2,)], SPARK),
]
