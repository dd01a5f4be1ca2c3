"""Checks: INSERT, DELETE, MERGE, COPY INTO, upkeep and time travel, as far as the snippets of
golden/snippets/delta.sql and inserts.sql do not ask the same.

Values of the source SPARK are those of Apache Spark; the others are those of the Databricks page that stands
beside them.
"""

# ruff: noqa: E501
from __future__ import annotations

import datetime as dt
from typing import Any

from tests.emulator.sail.checks.check import SPARK, Action, Check, Environment, differs, fails, refused, sql

_SQL = "https://docs.databricks.com/en/sql/language-manual/"
_DELTA = "https://docs.databricks.com/en/delta/"
_CSV = 'id;name;amt;ts\n1;x;1.5;2024-01-02 03:04:05\n2;"y;z";2.5;2024-02-02 03:04:05\n'
_JSON = '{"id":1,"tags":["a","b"],"s":"{\\"k\\":1}"}\n{"id":2,"tags":[],"s":null}\n'
_PART = (
    "CREATE TABLE part (id INT, region STRING) PARTITIONED BY (region)",
    "INSERT INTO part VALUES (1, 'eu'), (2, 'us')",
)
_T0 = ("CREATE TABLE t0 (id INT, v STRING)", "INSERT INTO t0 VALUES (7, 'n'), (8, 'i')")
_AGAIN = (
    "CREATE TABLE t (id INT)",
    "INSERT INTO t VALUES (1), (2)",
    "DELETE FROM t WHERE id > 1",
    "DROP TABLE t",
    "CREATE TABLE t (a INT, b INT)",
    "INSERT INTO t VALUES (1, 1), (2, 2)",
)
_MADE_AGAIN = (
    "DELETE and replaceWhere of a table that was dropped and made again with other columns in one session"
)
_COPY = "COPY INTO cp FROM '{data}/in' FILEFORMAT = CSV FORMAT_OPTIONS ('header'='true','delimiter'=';')"
_CP = "CREATE TABLE cp (id INT, name STRING, amt DOUBLE, ts TIMESTAMP)"
_COPIED = [
    (1, "x", 1.5, dt.datetime(2024, 1, 2, 3, 4, 5)),
    (2, "y;z", 2.5, dt.datetime(2024, 2, 2, 3, 4, 5)),
]


def over_files(*statements: str, take: str = "") -> Action:
    """Runs statements beside in/a.csv and json/a.json."""

    def run(e: Environment) -> Any:
        e.file("in/a.csv", _CSV)
        e.file("json/a.json", _JSON)
        return sql(*statements, take=take)(e)

    return run


def travelled(how: str) -> Action:
    """Reads version 1 of a table of three versions, by name or by path."""

    def run(e: Environment) -> Any:
        sql(*_T0, "INSERT INTO t0 VALUES (9, 'x')")(e)
        reader = e.spark.read.option("versionAsOf", 1)
        if how == "name":
            return reader.table("t0").orderBy("id")
        place = e.run("DESCRIBE DETAIL t0").collect()[0].location
        return reader.format("delta").load(place).orderBy("id")

    return run


def merged_view(e: Environment) -> Any:
    frame = e.spark.createDataFrame([(8, "tv"), (9, "tv")], "id int, v string")
    frame.createOrReplaceTempView("updates")
    merge = "MERGE INTO t0 t USING updates s ON t.id=s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    return sql(*_T0, merge, "SELECT * FROM t0 ORDER BY id")(e)


CHECKS: list[Check] = [
    Check(
        "INSERT INTO … REPLACE WHERE of a partition",
        sql(
            *_PART,
            "INSERT INTO part REPLACE WHERE region='eu' SELECT 9, 'eu'",
            "SELECT * FROM part ORDER BY id",
        ),
        [(2, "us"), (9, "eu")],
        f"{_DELTA}selective-overwrite.html",
    ),
    Check(
        "INSERT INTO … REPLACE WHERE refuses other rows",
        sql(*_PART, "INSERT INTO part REPLACE WHERE region='eu' SELECT 9, 'us'"),
        fails("DELTA_REPLACE_WHERE_MISMATCH"),
        f"{_DELTA}selective-overwrite.html",
    ),
    Check(
        "INSERT INTO … REPLACE WHERE answers the number of new rows",
        sql(
            *_T0,
            "INSERT INTO t0 REPLACE WHERE id = 7 SELECT 7, 'new'",
            take="num_inserted_rows",
        ),
        differs(
            [(2,)],
            [(1,)],
            "Kept rows that are written anew, beside replaced ones in one file, are counted as new rows",
        ),
        f"{_DELTA}selective-overwrite.html",
    ),
    Check(
        "DELETE from a table made again",
        sql(*_AGAIN, "DELETE FROM t WHERE a = 1"),
        refused(_MADE_AGAIN),
        f"{_SQL}delta-delete-from.html",
    ),
    Check(
        "INSERT INTO … REPLACE WHERE of a table made again",
        sql(*_AGAIN, "INSERT INTO t REPLACE WHERE a = 1 SELECT 1, 9"),
        refused(_MADE_AGAIN),
        f"{_DELTA}selective-overwrite.html",
    ),
    Check(
        "DELETE from a table that was replaced",
        sql(
            *_AGAIN[:3],
            "CREATE OR REPLACE TABLE t (a INT, b INT)",
            _AGAIN[-1],
            "DELETE FROM t WHERE a = 1",
            "SELECT * FROM t",
        ),
        [(2, 2)],
        f"{_SQL}delta-delete-from.html",
    ),
    Check(
        "MERGE of a temporary view",
        merged_view,
        [(7, "n"), (8, "tv"), (9, "tv")],
        f"{_SQL}delta-merge-into.html",
    ),
    Check(
        "MERGE … NOT MATCHED BY SOURCE THEN DELETE",
        sql(
            *_T0,
            "MERGE INTO t0 t USING (SELECT 8 id) s ON t.id=s.id WHEN NOT MATCHED BY SOURCE THEN DELETE",
            "SELECT id FROM t0",
        ),
        [(8,)],
        f"{_SQL}delta-merge-into.html",
    ),
    Check(
        "MERGE with conditions and columns",
        sql(
            *_T0,
            "MERGE INTO t0 AS t USING (SELECT 7 id, 'd' op UNION ALL SELECT 9, 'i') AS s ON t.id=s.id WHEN MATCHED AND s.op='d' THEN DELETE WHEN MATCHED THEN UPDATE SET t.v=s.op WHEN NOT MATCHED AND s.op='i' THEN INSERT (id, v) VALUES (s.id, s.op)",
            "SELECT * FROM t0 ORDER BY id",
        ),
        [(8, "i"), (9, "i")],
        f"{_SQL}delta-merge-into.html",
    ),
    Check(
        "DELETE with a correlated EXISTS",
        sql(
            *_PART,
            *_T0,
            "INSERT INTO t0 VALUES (2, 'gone')",
            "DELETE FROM t0 o WHERE EXISTS (SELECT 1 FROM part p WHERE p.id = o.id)",
            "SELECT id FROM t0 ORDER BY id",
        ),
        [(7,), (8,)],
        f"{_SQL}delta-delete-from.html",
    ),
    Check(
        "UPDATE of no row",
        sql(*_T0, "UPDATE t0 SET v = 'y' WHERE id = 99"),
        [(0,)],
        f"{_SQL}delta-update.html",
    ),
    Check(
        "COPY INTO",
        over_files(_CP, _COPY, "SELECT * FROM cp ORDER BY id"),
        _COPIED,
        f"{_SQL}delta-copy-into.html",
    ),
    Check(
        "COPY INTO loads a file once",
        over_files(_CP, _COPY, _COPY, "SELECT * FROM cp ORDER BY id"),
        _COPIED,
        f"{_SQL}delta-copy-into.html",
    ),
    Check(
        "COPY INTO answers the numbers of rows",
        over_files(_CP, _COPY, take="num_affected_rows num_inserted_rows"),
        [(2, 2)],
        f"{_SQL}delta-copy-into.html",
    ),
    Check(
        "read_files()",
        over_files(
            "SELECT id, name, amt, ts FROM read_files('{data}/in', format=>'csv', header=>true, sep=>';') ORDER BY id"
        ),
        _COPIED,
        f"{_SQL}functions/read_files.html",
    ),
    Check(
        "SELECT … FROM csv.`path`",
        over_files("SELECT * FROM csv.`{data}/in/a.csv` ORDER BY 1"),
        [("1;x;1.5;2024-01-02 03:04:05",), ('2;"y;z";2.5;2024-02-02 03:04:05',), ("id;name;amt;ts",)],
        SPARK,
    ),
    Check(
        "SELECT … FROM json.`path`",
        over_files("SELECT id, s, tags FROM json.`{data}/json` ORDER BY id"),
        [(1, '{"k":1}', ["a", "b"]), (2, None, [])],
        SPARK,
    ),
    Check(
        "SELECT … FROM delta.`path`",
        lambda e: (
            e.spark.range(2).write.format("delta").save(e.data + "/d"),
            e.run("SELECT * FROM delta.`{data}/d` ORDER BY id").collect(),
        )[1],
        [(0,), (1,)],
        f"{_DELTA}tutorial.html",
    ),
    Check(
        "OPTIMIZE … ZORDER BY keeps the rows",
        sql(*_T0, "OPTIMIZE t0 ZORDER BY (id)", "SELECT * FROM t0 ORDER BY id"),
        [(7, "n"), (8, "i")],
        f"{_DELTA}data-skipping.html",
    ),
    Check(
        "VACUUM keeps the rows",
        sql(*_T0, "UPDATE t0 SET v = 'y'", "VACUUM t0 RETAIN 168 HOURS", "SELECT * FROM t0 ORDER BY id"),
        [(7, "y"), (8, "y")],
        f"{_DELTA}vacuum.html",
    ),
    Check(
        "TIMESTAMP AS OF now",
        sql(*_T0, "SELECT * FROM t0 TIMESTAMP AS OF current_timestamp() ORDER BY id"),
        [(7, "n"), (8, "i")],
        f"{_DELTA}history.html",
    ),
    Check(
        "TIMESTAMP AS OF before the table",
        sql(*_T0, "SELECT * FROM t0 TIMESTAMP AS OF '2001-01-01'"),
        fails("DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"),
        "https://docs.databricks.com/en/error-messages/error-classes.html",
    ),
    Check("option versionAsOf of a path", travelled("path"), [(7, "n"), (8, "i")], f"{_DELTA}history.html"),
    Check("option versionAsOf of a table", travelled("name"), [(7, "n"), (8, "i")], f"{_DELTA}history.html"),
]
