"""/Volumes and /Workspace paths in plain Python, in Spark and in SQL."""

# ruff: noqa: E501  the code of tasks stands in strings
from __future__ import annotations

from tests.emulator.task.task_processes import Tasks


def test_plain_python_reaches_volumes(tasks: Tasks) -> None:
    ended = tasks.script(
        """
        import glob, os, pathlib, shutil
        import pandas as pd
        base = "/Volumes/main/default/plain"
        spark.sql("CREATE VOLUME main.default.plain")
        os.makedirs(base + "/deep/er")
        with open(base + "/a.csv", "w") as file:
            file.write("x,y\\n1,2\\n")
        pathlib.Path(base, "deep", "b.txt").write_text("b")
        shutil.copy(base + "/a.csv", base + "/deep/c.csv")
        print(sorted(os.listdir(base)), sorted(glob.glob(base + "/*.csv")), os.path.getsize(base + "/a.csv"))
        print([(root, sorted(files)) for root, _, files in os.walk(base)])
        print(sorted(str(p) for p in pathlib.Path(base).rglob("*.csv")), pathlib.Path(base, "a.csv").exists())
        pd.DataFrame({"x": [1]}).to_parquet(base + "/d.parquet")
        print(pd.read_csv(base + "/a.csv").y[0], pd.read_parquet(base + "/d.parquet").x[0])
        os.rename(base + "/a.csv", base + "/z.csv")
        shutil.rmtree(base + "/deep")
        print(sorted(entry.name for entry in os.scandir(base)), open("/dbfs" + base + "/z.csv").readline().strip())
        print(os.path.exists("/Workspace/Shared"), os.path.isdir("/Volumes/main/default/nothing"))
        """
    )
    base = "/Volumes/main/default/plain"
    assert ended.log.splitlines() == [
        f"['a.csv', 'deep'] ['{base}/a.csv'] 8",
        f"[('{base}', ['a.csv']), ('{base}/deep', ['b.txt', 'c.csv']), ('{base}/deep/er', [])]",
        f"['{base}/a.csv', '{base}/deep/c.csv'] True",
        "2 1",
        "['d.parquet', 'z.csv'] x,y",
        "True False",
    ], ended.trace


def test_spark_and_sql_reach_volumes(tasks: Tasks) -> None:
    ended = tasks.notebook(
        """
        base = "/Volumes/main/default/spark"
        spark.range(3).coalesce(1).write.mode("overwrite").parquet(base + "/p")
        print(spark.read.parquet("dbfs:" + base + "/p").count(), spark.sql(f"SELECT * FROM parquet.`{base}/p`").count())
        open(base + "/x.csv", "w").write("a,b\\n1,2\\n")
        print(spark.read.csv(base + "/x.csv", header=True).first())
        print(spark.sql(f"SELECT * FROM read_files('{base}/x.csv', format => 'csv', header => true)").first())
        """,
        "%sql\nCREATE OR REPLACE TABLE main.default.copied (a INT, b INT)",
        "for _ in range(2):\n    print(spark.sql(f\"COPY INTO main.default.copied FROM '{base}/x.csv' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')\").first())",
    )
    assert ended.log.splitlines() == [
        "3 3",
        "Row(a='1', b='2')",
        "Row(a=1, b=2)",
        "Row(num_affected_rows=1, num_inserted_rows=1, num_skipped_corrupt_files=0)",
        "Row(num_affected_rows=0, num_inserted_rows=0, num_skipped_corrupt_files=0)",
    ], ended.trace


def test_a_path_that_is_a_value_stays_as_it_is(tasks: Tasks) -> None:
    ended = tasks.script(
        """
        from pyspark.sql import SparkSession, functions as F
        spark = SparkSession.builder.getOrCreate()
        path = "/Volumes/main/default/in/a.csv"
        spark.range(2).select(F.lit(path).alias("path"), "id").write.saveAsTable("main.default.arrived")
        print(spark.sql(f"SELECT count(*) FROM main.default.arrived WHERE path = '{path}'").first()[0])
        print(spark.sql("DELETE FROM main.default.arrived WHERE path IN (:path)", args={"path": path}).first()[0])
        print(spark.sql(f"SELECT '{path}' AS path").first()[0])
        """
    )
    assert ended.log.split()[-3:] == ["2", "2", "/Volumes/main/default/in/a.csv"], ended.log
