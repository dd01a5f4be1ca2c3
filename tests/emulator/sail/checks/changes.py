"""Checks: ALTER, COMMENT, GRANT, and constraints.

Values of the source SPARK are those of Apache Spark, whose tables here are Parquet; the others are those of
the Databricks page that stands beside them.
"""

from __future__ import annotations

from tests.emulator.sail.checks.check import SPARK, Check, fails, sql

_SQL = "https://docs.databricks.com/en/sql/language-manual/"
_ALTER = f"{_SQL}sql-ref-syntax-ddl-alter-table.html"
_TABLE = "CREATE TABLE t (id INT, v STRING)"

CHECKS: list[Check] = [
    Check(
        "ADD CONSTRAINT … CHECK",
        sql(
            _TABLE,
            "ALTER TABLE {s}.t ADD CONSTRAINT pos CHECK (id > 0)",
            "SHOW TBLPROPERTIES t ('delta.constraints.pos')",
        ),
        [("delta.constraints.pos", "id > 0")],
        "https://docs.databricks.com/en/tables/constraints.html",
    ),
    Check(
        "DROP CONSTRAINT",
        sql(
            _TABLE,
            "ALTER TABLE t ADD CONSTRAINT pos CHECK (id > 0)",
            "ALTER TABLE t DROP CONSTRAINT pos",
            "INSERT INTO t VALUES (-1, 'a')",
            "SELECT * FROM t",
        ),
        [(-1, "a")],
        f"{_SQL}sql-ref-syntax-ddl-alter-table-drop-constraint.html",
    ),
    Check(
        "ADD COLUMNS",
        sql(_TABLE, "ALTER TABLE t ADD COLUMNS (note STRING COMMENT 'n', k INT)", "DESCRIBE t"),
        [("id", "int", None), ("v", "string", None), ("note", "string", "n"), ("k", "int", None)],
        SPARK,
    ),
    Check(
        "ADD COLUMN",
        sql(_TABLE, "ALTER TABLE t ADD COLUMN note STRING", "SHOW COLUMNS IN t"),
        [("id",), ("v",), ("note",)],
        SPARK,
    ),
    Check(
        "RENAME COLUMN without column mapping",
        sql(_TABLE, "ALTER TABLE t RENAME COLUMN v TO w"),
        fails("DELTA_UNSUPPORTED_RENAME_COLUMN"),
        "https://docs.databricks.com/en/delta/column-mapping.html",
    ),
    Check(
        "RENAME COLUMN with column mapping",
        sql(
            _TABLE + " TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
            "INSERT INTO t VALUES (1, 'a')",
            "ALTER TABLE t RENAME COLUMN v TO w",
            "SELECT w FROM t",
        ),
        [("a",)],
        "https://docs.databricks.com/en/delta/column-mapping.html",
    ),
    Check(
        "SET TBLPROPERTIES",
        sql(_TABLE, "ALTER TABLE t SET TBLPROPERTIES ('a'='b')", "SHOW TBLPROPERTIES t ('a')"),
        [("a", "b")],
        SPARK,
    ),
    Check(
        "UNSET TBLPROPERTIES",
        sql(
            _TABLE + " TBLPROPERTIES ('a'='b')",
            "ALTER TABLE t UNSET TBLPROPERTIES ('a')",
            "SHOW TBLPROPERTIES t ('a')",
        ),
        [("a", "Table main.lab.t does not have property: a")],
        f"{_SQL}sql-ref-syntax-aux-show-tblproperties.html",
    ),
    Check(
        "RENAME TO",
        sql(_TABLE, "INSERT INTO t VALUES (1, 'a')", "ALTER TABLE t RENAME TO t2", "SELECT * FROM t2"),
        [(1, "a")],
        SPARK,
    ),
    Check(
        "RENAME TO leaves nothing of the old name",
        sql(_TABLE, "ALTER TABLE {s}.t RENAME TO {s}.t2", "SHOW TABLES"),
        [("lab", "t2", False)],
        SPARK,
    ),
    Check(
        "COMMENT ON TABLE",
        sql(_TABLE, "COMMENT ON TABLE t IS 'hello'", "DESCRIBE DETAIL t", take="description"),
        [("hello",)],
        f"{_SQL}sql-ref-syntax-ddl-comment.html",
    ),
    Check(
        "ALTER COLUMN … COMMENT",
        sql(_TABLE, "ALTER TABLE t ALTER COLUMN id COMMENT 'pk'", "DESCRIBE t"),
        [("id", "int", "pk"), ("v", "string", None)],
        SPARK,
    ),
    Check(
        "SET TAGS leaves the table as it was",
        sql(_TABLE, "ALTER TABLE t SET TAGS ('a'='b')", "DESCRIBE t"),
        [("id", "int", None), ("v", "string", None)],
        f"{_SQL}sql-ref-syntax-ddl-set-tag.html",
    ),
    Check(
        "SET OWNER leaves the table as it was",
        sql(_TABLE, "ALTER TABLE t SET OWNER TO `x`", "DESCRIBE t"),
        [("id", "int", None), ("v", "string", None)],
        _ALTER,
    ),
    Check(
        "GRANT takes nothing from the owner",
        sql(_TABLE, "GRANT SELECT ON TABLE t TO `x`", "SELECT count(*) FROM t"),
        [(0,)],
        f"{_SQL}security-grant.html",
    ),
    Check(
        "ANALYZE TABLE … COMPUTE STATISTICS changes no rows",
        sql(_TABLE, "INSERT INTO t VALUES (1, 'a')", "ANALYZE TABLE t COMPUTE STATISTICS", "SELECT * FROM t"),
        [(1, "a")],
        SPARK,
    ),
]
