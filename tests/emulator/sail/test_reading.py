"""spark.read over files: Spark's answers where Sail alone has another, without an error."""

from __future__ import annotations

import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally


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


@pytest.fixture
def days(spark: LocalSpark, tmp_path: Path) -> str:
    """A folder of CSV files by day: 1 on 2024-01-01, 2 on none."""
    for name, number in (("2024-01-01", 1), ("__HIVE_DEFAULT_PARTITION__", 2)):
        (tmp_path / "days" / f"day={name}").mkdir(parents=True)
        (tmp_path / "days" / f"day={name}" / "a.csv").write_text(f"id\n{number}\n")
    return str(tmp_path / "days")


def test_partition_columns_come_last_with_any_schema(spark: LocalSpark, days: str) -> None:
    found, read = [(1, dt.date(2024, 1, 1)), (2, None)], spark.read.option("header", True)
    assert sorted(rows(read.csv(days, inferSchema=True))) == found
    assert sorted(rows(read.schema("id INT").csv(days))) == found
    by_schema = read.schema("day STRING, id INT").csv(days)
    assert by_schema.dtypes == [("id", "int"), ("day", "string")]
    assert sorted(rows(by_schema)) == [(1, "2024-01-01"), (2, None)]


def test_folders_may_be_named_by_a_pattern(spark: LocalSpark, days: str) -> None:
    read = spark.read.option("header", True)
    for pattern in ("day=*", "{day=2024-01-01,day=_*}", "*/*.csv", "day=*/"):
        assert sorted(rows(read.csv(f"{days}/{pattern}"))) == [("1",), ("2",)]
    with pytest.raises(NotSupportedLocally, match="The option basePath"):
        read.option("basePath", days).csv(f"{days}/day=*")
    assert rows(read.option("basePath", days).csv(days).filter("day = '2024-01-01'"))[0][0] == "1"


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_folder_without_files_has_no_schema(spark: LocalSpark, tmp_path: Path, kind: str) -> None:
    (tmp_path / "in" / "archive").mkdir(parents=True)
    (tmp_path / "in" / "_SUCCESS").touch()
    (tmp_path / "in" / "archive" / "old").write_text("1\n")
    with pytest.raises(AnalysisException, match="UNABLE_TO_INFER_SCHEMA"):
        spark.read.format(kind).load(str(tmp_path / "in"))
    assert rows(spark.read.schema("id INT").format(kind).load(str(tmp_path / "in"))) == []


def test_columns_a_parquet_file_lacks_are_null(spark: LocalSpark, tmp_path: Path) -> None:
    places = [str(tmp_path / "one"), str(tmp_path / "two")]
    spark.sql("SELECT 1 AS a, struct(2 AS x) AS b").write.parquet(places[0])
    spark.sql("SELECT 3 AS a, 4 AS c").write.parquet(places[1])
    found = spark.read.option("mergeSchema", True).parquet(*places)
    assert sorted(rows(found)) == [(1, (2,), None), (3, None, 4)]


def test_json_in_folders_and_packed(spark: LocalSpark, tmp_path: Path) -> None:
    (tmp_path / "k=7").mkdir()
    (tmp_path / "k=7" / "a.json.gz").write_bytes(gzip.compress(b'{\n"z": 1, "never": null, "none": {}}'))
    found = spark.read.json(str(tmp_path), multiLine=True)
    assert found.dtypes == [("never", "string"), ("z", "bigint"), ("k", "int")]
    assert rows(found) == rows(spark.read.json(str(tmp_path / "*"), multiLine=True).selectExpr("*", "7"))
    (tmp_path / "k=7" / "a.json.gz").write_bytes(gzip.compress(b"{"))
    with pytest.raises(AnalysisException, match=r"a.json.gz is no JSON"):
        spark.read.json(str(tmp_path), multiLine=True)


def test_csv_headers_and_separators(spark: LocalSpark, tmp_path: Path) -> None:
    file = tmp_path / "h.csv"
    file.write_text("id\t\tb\n1\tx\ty\n")
    assert spark.read.csv(str(file), header=True, sep="\\t").columns == ["id", "_c1", "b"]


def test_a_text_as_a_whole(spark: LocalSpark, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a\nb\n")
    assert rows(spark.read.text(str(tmp_path), wholetext=True)) == [("a\nb\n",)]
    (tmp_path / "t.txt").rename(tmp_path / "moved")
    (tmp_path / "k=1").mkdir()
    (tmp_path / "moved").rename(tmp_path / "k=1" / "t.txt")
    assert rows(spark.read.text(str(tmp_path), wholetext=True)) == [("a\nb\n", 1)]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "text", "binaryFile"])
def test_a_path_that_is_not_there_is_named(spark: LocalSpark, kind: str) -> None:
    with pytest.raises(AnalysisException, match=r"PATH_NOT_FOUND.*: /Volumes/main/default/no/such"):
        spark.read.format(kind).load("/Volumes/main/default/no/such").collect()
    with pytest.raises(AnalysisException, match="PATH_NOT_FOUND"):
        spark.sql(f"SELECT * FROM {kind}.`/Volumes/main/default/no/such`").collect()


def test_options_of_file_writes_are_kept_or_refused(spark: LocalSpark, tmp_path: Path) -> None:
    frame = spark.sql("SELECT 1 AS id, DATE'2024-03-05' AS d, TIMESTAMP'2024-03-05 10:11:12' AS t, 'a' AS k")
    writer = frame.write.mode("overwrite").options(
        dateFormat="dd/MM/yyyy", timestampFormat="HH:mm", header=True
    )
    for kind, text in (
        ("csv", "id,d,t,k\n1,05/03/2024,10:11,a\n"),
        ("json", '{"id":1,"d":"05/03/2024","t":"10:11","k":"a"}\n'),
    ):
        writer.format(kind).save(str(tmp_path / kind))
        (file,) = (tmp_path / kind).glob(f"*.{kind}")
        assert file.read_text() == text
    with pytest.raises(NotSupportedLocally, match="The option `quoteAll` of a csv write"):
        frame.write.csv(str(tmp_path / "never"), quoteAll=True)
    with pytest.raises(NotSupportedLocally, match="partitionOverwriteMode=dynamic for files"):
        frame.write.mode("overwrite").option("partitionOverwriteMode", "dynamic").partitionBy("k").parquet(
            str(tmp_path / "parts")
        )
    frame.write.mode("overwrite").option("quoteAll", False).csv(str(tmp_path / "csv"))
