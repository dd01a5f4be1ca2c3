"""SQL scripts: BEGIN ... END with variables, branches, loops and handlers.

The answers are those of Apache Spark 4.0.1, or of Databricks' documentation for what that lacks (SIGNAL, GET
DIAGNOSTICS, labels).
"""

# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import pytest
from pyspark.errors import ParseException, PySparkException

from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.syntax.tokens import split_statements
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("BEGIN DECLARE x INT DEFAULT 1; DECLARE y STRING; SET y = 'a'; WHILE x < 3 DO SET x = x + 1; SET y = y || x; END WHILE; SELECT x, y; END",
         [(3, "a23")]),
        ("BEGIN IF 1 > 2 THEN SELECT 'a'; ELSEIF CASE WHEN true THEN true END THEN SELECT 'b'; ELSE SELECT 'c'; END IF; END",
         [("b",)]),
        ("BEGIN DECLARE s INT DEFAULT 0; FOR r AS SELECT id FROM range(4) DO IF r.id = 2 THEN SET s = s + 10; ELSE SET s = s + id; END IF; END FOR; SELECT s; END",
         [(14,)]),
        ("""lbl: BEGIN DECLARE n INT DEFAULT 0;
            l1: LOOP SET n = n + 1; IF n = 2 THEN ITERATE l1; END IF; IF n > 4 THEN LEAVE l1; END IF; END LOOP l1;
            REPEAT SET n = n + 1; UNTIL n >= 10 END REPEAT;
            SELECT n, lbl.n; LEAVE lbl; SELECT 'never'; END lbl""", [(10, 10)]),
        ("BEGIN DECLARE EXIT HANDLER FOR DIVIDE_BY_ZERO BEGIN SELECT 'caught'; END; SELECT 1/0; SELECT 'no'; END", [("caught",)]),
        ("""BEGIN DECLARE st STRING; DECLARE c STRING; DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN
            GET DIAGNOSTICS CONDITION 1 st = RETURNED_SQLSTATE, c = CONDITION_IDENTIFIER; SELECT st, c; END;
            SELECT * FROM nosuch_table; END""", [("42P01", "TABLE_OR_VIEW_NOT_FOUND")]),
        ("BEGIN DECLARE mine CONDITION FOR SQLSTATE '45001'; DECLARE EXIT HANDLER FOR mine SELECT 'mine'; SIGNAL mine SET MESSAGE_TEXT = 'x' || 'y'; END",
         [("mine",)]),
        ("BEGIN CASE 3 WHEN 1 THEN SELECT 'one'; WHEN 3 THEN SELECT 'three'; END CASE; END", [("three",)]),
        ("""BEGIN CREATE OR REPLACE TABLE main.default.scripted (a INT); INSERT INTO main.default.scripted VALUES (1), (2);
            BEGIN DECLARE a INT DEFAULT 5; INSERT INTO main.default.scripted SELECT a + 1 FROM VALUES (1) t(z); END;
            SELECT sum(a) FROM main.default.scripted; END""", [(9,)]),
        ("BEGIN DECLARE v INT = 2; EXECUTE IMMEDIATE 'SELECT ? * 2' USING v; END", [(4,)]),
        ("BEGIN SELECT ';' AS a, 'END' AS b /* END; */; END", [(";", "END")]),
        ("BEGIN END", []),
    ],
)  # fmt: skip
def test_scripts(spark: LocalSpark, script: str, rows: list[tuple[Any, ...]]) -> None:
    assert [tuple(row) for row in spark.sql(script).collect()] == rows


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("BEGIN DECLARE EXIT HANDLER FOR SQLSTATE '22012' BEGIN RESIGNAL; END; SELECT 1/0; END", PySparkException, "DIVIDE_BY_ZERO"),
        ("BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'stop here'; END", PySparkException, "USER_RAISED_EXCEPTION. stop here"),
        ("BEGIN CASE 3 WHEN 1 THEN SELECT 'one'; END CASE; END", PySparkException, "CASE_NOT_FOUND"),
        ("BEGIN SELECT 1", ParseException, "PARSE_SYNTAX_ERROR"),
        ("BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; SELECT 1; END", NotSupportedLocally, "CONTINUE handler"),
    ],
)  # fmt: skip
def test_errors_of_scripts(spark: LocalSpark, script: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        spark.sql(script).collect()
    assert len(spark.variables.scopes) == 1


def test_a_script_is_one_statement_of_a_file() -> None:
    script = "SELECT 1;\nBEGIN\n  IF a THEN SELECT CASE WHEN b THEN 1 END; END IF;\nEND;\nl: BEGIN SELECT repeat('a', 2); END l;\nSELECT 2"
    assert [(found.text[:5], found.line) for found in split_statements(script)] == [
        ("SELEC", 1), ("BEGIN", 2), ("l: BE", 5), ("SELEC", 6),
    ]  # fmt: skip
