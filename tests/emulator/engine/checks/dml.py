"""Checks: INSERT, UPDATE, DELETE, MERGE, COPY INTO, time travel."""

# ruff: noqa: E501
from __future__ import annotations

from tests.emulator.engine.checks.check import RAISES, Check, sql

CHECKS: list[Check] = [
    Check(
        "INSERT VALUES",
        sql(
            "INSERT INTO main.bronze.orders (id,customer,amount,ts,d) VALUES (1,'a',10.5,timestamp'2024-01-01 00:00:00',date'2024-01-01'),(2,'b',20,current_timestamp(),current_date())"
        ),
    ),
    Check("INSERT INTO … SELECT", sql("INSERT INTO main.bronze.part SELECT 1,'eu' UNION ALL SELECT 2,'us'")),
    Check("INSERT INTO BY NAME", sql("INSERT INTO main.bronze.part BY NAME SELECT 'ap' AS region, 3 AS id")),
    Check(
        "INSERT INTO … PARTITION(...)", sql("INSERT INTO main.bronze.part PARTITION (region='zz') SELECT 5")
    ),
    Check("INSERT OVERWRITE", sql("INSERT OVERWRITE main.bronze.t0 SELECT 1,'x'")),
    Check(
        "INSERT INTO … REPLACE WHERE",
        sql("INSERT INTO main.bronze.part REPLACE WHERE region='eu' SELECT 9,'eu'"),
    ),
    Check("UPDATE", sql("UPDATE main.bronze.t0 SET v='y' WHERE id=1")),
    Check("DELETE", sql("DELETE FROM main.bronze.part WHERE id=2")),
    Check("TRUNCATE TABLE", sql("TRUNCATE TABLE main.bronze.lk")),
    Check(
        "MERGE update*/insert*",
        sql(
            "MERGE INTO main.bronze.t0 t USING (SELECT 1 id,'m' v UNION ALL SELECT 7,'n') s ON t.id=s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        ),
    ),
    Check(
        "MERGE update*/insert*: check",
        sql("SELECT * FROM main.bronze.t0 ORDER BY id"),
        lambda r: [tuple(x) for x in r] == [(1, "m"), (7, "n")],
    ),
    Check(
        "MERGE cond + explicit + DELETE",
        sql(
            "MERGE INTO main.bronze.t0 AS t USING (SELECT 1 id,'d' op UNION ALL SELECT 8,'i') AS s ON t.id=s.id WHEN MATCHED AND s.op='d' THEN DELETE WHEN MATCHED THEN UPDATE SET t.v=s.op WHEN NOT MATCHED AND s.op='i' THEN INSERT (id,v) VALUES (s.id,s.op)"
        ),
    ),
    Check(
        "MERGE cond + explicit + DELETE: check",
        sql("SELECT * FROM main.bronze.t0 ORDER BY id"),
        lambda r: [tuple(x) for x in r] == [(7, "n"), (8, "i")],
    ),
    Check(
        "MERGE NOT MATCHED BY SOURCE",
        sql(
            "MERGE INTO main.bronze.t0 t USING (SELECT 8 id) s ON t.id=s.id WHEN NOT MATCHED BY SOURCE THEN DELETE"
        ),
    ),
    Check(
        "MERGE NOT MATCHED BY SOURCE: check",
        sql("SELECT id FROM main.bronze.t0"),
        lambda r: [tuple(x) for x in r] == [(8,)],
    ),
    Check(
        "MERGE using temp view",
        lambda e: (
            e.spark.createDataFrame([(8, "tv"), (9, "tv")], "id int, v string").createOrReplaceTempView(
                "updates"
            ),
            e.spark.sql(
                "MERGE INTO main.bronze.t0 t USING updates s ON t.id=s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
            ).collect(),
        )[1],
    ),
    Check(
        "MERGE dup source → error",
        sql(
            "MERGE INTO main.bronze.t0 t USING (SELECT 8 id,'a' v UNION ALL SELECT 8,'b') s ON t.id=s.id WHEN MATCHED THEN UPDATE SET *"
        ),
        RAISES,
    ),
    Check(
        "MERGE WITH SCHEMA EVOLUTION",
        sql(
            "MERGE WITH SCHEMA EVOLUTION INTO main.bronze.t0 t USING (SELECT 8 id,'q' v, 1 extra) s ON t.id=s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        ),
    ),
    Check(
        "MERGE result metrics columns",
        sql(
            "MERGE INTO main.bronze.part t USING (SELECT 100 id,'eu' region) s ON t.id=s.id WHEN NOT MATCHED THEN INSERT *"
        ),
        lambda r: "num_affected_rows" in r[0].asDict(),
    ),
    Check(
        "CREATE TABLE for COPY INTO",
        sql("CREATE TABLE main.bronze.cp (id INT, name STRING, amt DOUBLE, ts TIMESTAMP)"),
    ),
    Check(
        "COPY INTO",
        sql(
            "COPY INTO main.bronze.cp FROM '{data}/in' FILEFORMAT = CSV FORMAT_OPTIONS ('header'='true','delimiter'=';')"
        ),
    ),
    Check(
        "read_files()", sql("SELECT * FROM read_files('{data}/in', format=>'csv', header=>true, sep=>';')")
    ),
    Check("SELECT csv.`path`", sql("SELECT * FROM csv.`{data}/in/a.csv`")),
    Check("SELECT json.`path`", sql("SELECT * FROM json.`{data}/json`")),
    Check("SELECT delta.`path`", sql("SELECT * FROM delta.`{root}/main/bronze/t0`")),
    Check("OPTIMIZE", sql("OPTIMIZE main.bronze.t0")),
    Check("OPTIMIZE ZORDER", sql("OPTIMIZE main.bronze.t0 ZORDER BY (id)")),
    Check("VACUUM", sql("VACUUM main.bronze.t0 RETAIN 168 HOURS")),
    Check("RESTORE TABLE", sql("RESTORE TABLE main.bronze.t0 TO VERSION AS OF 1")),
    Check("VERSION AS OF", sql("SELECT * FROM main.bronze.t0 VERSION AS OF 1")),
    Check("t@v1 syntax", sql("SELECT * FROM main.bronze.t0@v1")),
    Check("TIMESTAMP AS OF", sql("SELECT * FROM main.bronze.t0 TIMESTAMP AS OF current_timestamp()")),
    Check(
        "option versionAsOf load(path)",
        lambda e: e.spark.read.format("delta").option("versionAsOf", 1).load(f"{e.root}/main/bronze/t0"),
    ),
    Check(
        "option versionAsOf table()", lambda e: e.spark.read.option("versionAsOf", 1).table("main.bronze.t0")
    ),
    Check("CREATE TABLE for constraints", sql("CREATE TABLE main.bronze.chk (id INT NOT NULL, v STRING)")),
    Check("ADD CONSTRAINT", sql("ALTER TABLE main.bronze.chk ADD CONSTRAINT pos CHECK (id > 0)")),
    Check("CHECK constraint enforced", sql("INSERT INTO main.bronze.chk VALUES (-5,'bad')"), RAISES),
    Check("NOT NULL enforced", sql("INSERT INTO main.bronze.chk VALUES (NULL,'bad')"), RAISES),
    Check(
        "INSERT column subset (others NULL)",
        sql("INSERT INTO main.bronze.orders (id,customer) VALUES (77,'x')"),
    ),
    Check(
        "UPDATE/DELETE with subquery",
        sql("DELETE FROM main.bronze.orders WHERE id IN (SELECT id FROM main.bronze.part)"),
    ),
    Check(
        "DELETE correlated EXISTS",
        sql(
            "DELETE FROM main.bronze.orders o WHERE EXISTS (SELECT 1 FROM main.bronze.part p WHERE p.id=o.id)"
        ),
    ),
    Check(
        "UPDATE returns num_affected_rows",
        sql("UPDATE main.bronze.orders SET amount=1 WHERE id=1"),
        lambda r: "num_affected_rows" in r[0].asDict(),
    ),
]
