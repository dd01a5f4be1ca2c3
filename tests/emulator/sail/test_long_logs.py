"""Tables with more than ten commits, whose log starts with a checkpoint."""

from __future__ import annotations

import pytest

from dara_dagster.emulator.sail.session import LocalSpark


@pytest.mark.parametrize("partitioned", ["", "PARTITIONED BY (k)"])
def test_a_table_outlives_its_checkpoints(spark: LocalSpark, partitioned: str) -> None:
    table = f"main.default.long_log{'_parts' if partitioned else ''}"
    for number in range(24):
        spark.sql(
            f"CREATE OR REPLACE TABLE {table} {partitioned} COMMENT 'n' AS SELECT 'a' AS k, {number} AS id"
        )
        spark.sql(f"COMMENT ON TABLE {table} IS 'version {number}'")
        assert [row.id for row in spark.table(table).collect()] == [number]
    spark.sql(f"RESTORE TABLE {table} TO VERSION AS OF 1")
    assert [row.id for row in spark.table(table).collect()] == [0]


def test_merges_over_a_checkpoint_update_each_row_once(spark: LocalSpark) -> None:
    spark.sql("CREATE TABLE main.default.long_merge (id INT, n INT) TBLPROPERTIES ('made.by' = 'test')")
    for _ in range(25):
        spark.sql(
            "MERGE INTO main.default.long_merge t USING (SELECT 1 AS id) s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET n = t.n + 1 WHEN NOT MATCHED THEN INSERT (id, n) VALUES (1, 1)"
        )
        spark.sql("ALTER TABLE main.default.long_merge SET TBLPROPERTIES ('seen' = 'yes')")
    assert [tuple(row) for row in spark.table("main.default.long_merge").collect()] == [(1, 25)]
    shown = {row.key: row.value for row in spark.sql("SHOW TBLPROPERTIES main.default.long_merge").collect()}
    assert (shown["made.by"], shown["seen"]) == ("test", "yes")
