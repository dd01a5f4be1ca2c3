"""spark.read over files: Spark's answers where Sail alone has another, without an error."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine.refusals import NotSupportedLocally
from dara_dagster.emulator.engine.session import LocalSpark


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


@pytest.fixture
def csv(tmp_path: Path) -> str:
    file = tmp_path / "a.csv"
    file.write_text("id,name,day,v\n1, x ,05/03/2024,1.239\n2,NA,06/03/2024,\nbad,,,2\n3\n")
    return str(file)


def test_csv_with_a_schema(spark: LocalSpark, csv: str) -> None:
    read = spark.read.schema("id INT, name STRING, day DATE, v DECIMAL(5,2)").option("header", True)
    read = read.options(dateFormat="dd/MM/yyyy", nullValue="NA", ignoreLeadingWhiteSpace=True)
    first, second = dt.date(2024, 3, 5), dt.date(2024, 3, 6)
    good = [(1, "x ", first, Decimal("1.24")), (2, None, second, None)]
    assert rows(read.csv(csv)) == [*good, (None, None, None, Decimal("2.00")), (3, None, None, None)]
    whole = str(Path(csv).with_name("whole.csv"))
    Path(whole).write_text("id,name,day,v\n1,x ,05/03/2024,1.239\nbad,,,2\n2,NA,06/03/2024,\n")
    assert rows(read.option("mode", "DROPMALFORMED").csv(whole)) == good
    with pytest.raises(Exception, match=r"(?i)cast|parse|convert"):
        read.option("mode", "FAILFAST").csv(whole).collect()


def test_csv_types_are_inferred_from_every_row(spark: LocalSpark, tmp_path: Path) -> None:
    file = tmp_path / "types.csv"
    head = "i,l,f,b,d,t,s,n,z,big\n"
    line = "1,3000000000,1.5,true,2024-03-05,2024-03-05 10:11:12,x,,007,12345678901234567890\n"
    file.write_text(head + line * 1500 + "2,3,2,FALSE,2024-03-06,2024-03-06T10:11:12,y,NA,10,1\n")
    found = spark.read.csv(str(file), header=True, inferSchema=True, nullValue="NA")
    kinds = [
        "int",
        "bigint",
        "double",
        "boolean",
        "date",
        "timestamp",
        "string",
        "string",
        "int",
        "decimal(20,0)",
    ]
    assert [kind for _, kind in found.dtypes] == kinds
    assert found.count() == 1501
    file.write_text("v\n" + "1\n" * 1500 + "2.5\n")
    assert spark.read.csv(str(file), header=True, inferSchema=True).agg({"v": "sum"}).first()[0] == 1502.5
    file.write_text("d,t\n05.03.2024,5.3.24 10:11\n,\n")
    by_format = spark.read.options(header=True, inferSchema=True, dateFormat="dd.MM.yyyy")
    found = by_format.option("timestampFormat", "d.M.yy HH:mm").csv(str(file))
    assert rows(found)[0] == (dt.date(2024, 3, 5), dt.datetime(2024, 3, 5, 10, 11))
    found.write.mode("overwrite").saveAsTable("main.default.inferred_from_csv")


def test_csv_quotes_are_escaped_by_a_backslash(spark: LocalSpark, tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text('id,v\n1,"x\\"y, z"\n')
    assert rows(spark.read.csv(str(file), header=True)) == [("1", 'x"y, z')]


def test_csv_in_another_encoding_is_refused(spark: LocalSpark, csv: str) -> None:
    with pytest.raises(NotSupportedLocally, match="The CSV encoding ISO-8859-1"):
        spark.read.csv(csv, encoding="ISO-8859-1")
    with pytest.raises(NotSupportedLocally, match="The CSV option `enforceSchema`"):
        spark.read.csv(csv, enforceSchema=False).collect()


def test_json_columns_come_in_order_and_from_every_row(spark: LocalSpark, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"b":1,"s":{"z":1,"a":2}}\n' * 1500 + '{"a":"late"}\n')
    found = spark.read.json(str(file))
    assert found.dtypes == [("a", "string"), ("b", "bigint"), ("s", "struct<a:bigint,z:bigint>")]
    assert found.filter("a = 'late'").count() == 1
    assert spark.read.json(str(file), primitivesAsString=True).select("b").first().b == "1"


def test_json_of_several_lines(spark: LocalSpark, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text('[{"id": 1, "x": "é"},\n {"id": 2}]')
    (tmp_path / "objects.json").write_text('{\n "id": 3}\n{"id": 4}')
    assert rows(spark.read.json(str(tmp_path), multiLine=True)) == [(1, "é"), (2, None), (3, None), (4, None)]
    assert rows(
        spark.read.schema("id INT").option("multiline", "true").json(str(tmp_path / "list.json"))
    ) == [
        (1,),
        (2,),
    ]


def test_json_modes_and_formats(spark: LocalSpark, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"id":1,"d":"05/03/2024"}\nbad\n\n{"id":"x"}\n')
    read = spark.read.schema("id INT, d DATE").option("dateFormat", "dd/MM/yyyy")
    day = dt.date(2024, 3, 5)
    assert rows(read.json(str(file))) == [(1, day), (None, None), (None, None)]
    assert rows(read.option("mode", "DROPMALFORMED").json(str(file))) == [(1, day)]
    broken = spark.read.schema("id INT, _corrupt_record STRING").json(str(file))
    assert rows(broken) == [(1, None), (None, "bad"), (None, '{"id":"x"}')]
    with pytest.raises(Exception, match="Json"):
        spark.read.schema("id INT").option("mode", "FAILFAST").json(str(file)).collect()


def test_folders_give_typed_columns_and_only_their_own_files(spark: LocalSpark, tmp_path: Path) -> None:
    parts = str(tmp_path / "parts")
    made = spark.sql(
        "SELECT 1 AS id, DATE'2024-01-01' AS day, 7 AS n, 'a' AS s UNION ALL SELECT 2, NULL, 8, 'b'"
    )
    made.write.partitionBy("day", "n", "s").parquet(parts)
    found = spark.read.parquet(parts)
    assert found.dtypes == [("id", "int"), ("day", "date"), ("n", "int"), ("s", "string")]
    assert sorted(rows(found)) == [(1, dt.date(2024, 1, 1), 7, "a"), (2, None, 8, "b")]
    (tmp_path / "in" / "archive").mkdir(parents=True)
    for place in ("in/new.csv", "in/archive/old.csv"):
        (tmp_path / place).write_text("id\n1\n")
    inbox = str(tmp_path / "in")
    assert spark.read.csv(inbox, header=True).count() == 1
    assert spark.read.csv(inbox, header=True, recursiveFileLookup=True).count() == 2


def test_a_text_as_a_whole(spark: LocalSpark, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a\nb\n")
    assert rows(spark.read.text(str(tmp_path), wholetext=True)) == [("a\nb\n",)]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "text", "binaryFile"])
def test_a_path_that_is_not_there_is_named(spark: LocalSpark, kind: str) -> None:
    with pytest.raises(AnalysisException, match=r"PATH_NOT_FOUND.*: /Volumes/main/default/no/such"):
        spark.read.format(kind).load("/Volumes/main/default/no/such").collect()
    with pytest.raises(AnalysisException, match="PATH_NOT_FOUND"):
        spark.sql(f"SELECT * FROM {kind}.`/Volumes/main/default/no/such`").collect()
