"""No rewrite touches a string, a quoted name or a comment, whatever words stand in it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dara_dagster.emulator.sail.functions.corrections import correct_text
from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.syntax.literals import bind, quote
from dara_dagster.emulator.sail.syntax.tokens import scan, split_statements

TRIGGERS = [
    *("bob@v8", 'use IDENTIFIER("t") here', "cluster by (b)", ", primary key (a)", "ai_query(", "h3_x("),
    *("table_changes(", "with recursive r", "qualify x = 1", "* except (a)", "group by all", "order by all"),
    *("raw:a.b[0]", "a |> b", "decode(1, 2, 3)", "iff(a, b)", "for k in (1)", "pivot (sum(a) for k in (1))"),
    *("read_files(x)", "information_schema.tables", "system.information_schema.columns", "current_user()"),
    *("current_catalog()", "current_schema()", "weekday(d)", "date_trunc(a, b)", "floor(x, 1)", "rint(x)"),
    *("percentile_approx(x, 1)", "max_by(a, b, 2)", "get_json_object(a, '$[*]')", "to_json(a)", "a -- b"),
    *("from_json(a, b)", "order by d range between interval 1 day preceding and current row", "/* x", "*/"),
    *(":name", "?", "$name", "; select 1", "delta.enableChangeDataFeed=true", "using csv", "version as of 1"),
    *("partition (a = 1)", "insert into t", "where (select 1)", "location '/Volumes/a/b/c'", "comment 'x'"),
    *(
        "a like any ('x')",
        "zip_with(a, b, (x, y) -> x)",
        "map('a', 1)",
        "explode(map(1, 2))",
        "unpivot (v for k in (a))",
    ),
    *(
        "declare x int default 5",
        "set var x = 1",
        "execute immediate 'select 1'",
        "create function f(a int) return a",
    ),
    *(
        "begin select 1; end",
        "max recursion level 5",
        "charindex('a', b)",
        "identifier(x)",
        "case when a then b end",
    ),
    *("materialized view", "declare x", "begin", "set catalog c", "from '/Volumes/a/b/c/d'", "it's", 'a"b'),
]
_WORDS = st.lists(
    st.sampled_from([*TRIGGERS, "a", " ", "'", '"', "`", "(", ")", ",", "\n", "\\"]), max_size=6
)
TEXTS = st.one_of(st.sampled_from(TRIGGERS), _WORDS.map("".join), st.text(max_size=20))
CALLED = {"current_user": lambda call: "'ada'"}


def _name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


@given(value=TEXTS, name=TEXTS.filter(bool), comment=TEXTS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_words_inside_literals_names_and_comments_are_not_syntax(value: str, name: str, comment: str) -> None:
    remark = comment.replace("*/", "").replace("/*", "")
    query = f"SELECT {quote(value)} AS {_name(name)} /* {remark} */ FROM t -- {comment.split(chr(10))[0]}"
    if scan(query).is_broken:  # sqlglot refuses what Databricks refuses, too
        return
    assert correct_text(query, CALLED) == query
    assert bind(query, {"name": 1}, strict=True) == query
    assert bind(query, [1, 2]) == query
    assert [statement.text for statement in split_statements(query)] == [query.strip()]


@pytest.fixture(scope="module")
def schema(spark: LocalSpark) -> str:
    spark.sql("CREATE SCHEMA IF NOT EXISTS main.untouched")
    return "main.untouched"


NUMBER = itertools.count()


def _rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


@pytest.mark.parametrize("word", TRIGGERS)
def test_in_a_query(spark: LocalSpark, word: str) -> None:
    remark = word.replace("*/", "").replace("/*", "")
    alias = word.replace("`", "")
    found = spark.sql(f"SELECT {quote(word)} AS {_name(alias)}, 1 /* {remark} */ AS n -- {remark}")
    assert _rows(found) == [(word, 1)]
    assert found.columns == [alias, "n"]


@pytest.mark.parametrize("word", TRIGGERS)
def test_in_every_kind_of_statement(spark: LocalSpark, schema: str, word: str) -> None:
    text, remark = quote(word), word.replace("*/", "").replace("/*", "")
    t, v = f"{schema}.t{next(NUMBER)}", f"{schema}.v{next(NUMBER)}"
    spark.sql(
        f"CREATE TABLE {t} (e STRING COMMENT {text}, n INT /* {remark} */) COMMENT {text} "
        f"TBLPROPERTIES ('note' = {text})"
    )
    described = {row[0]: row[2] for row in _rows(spark.sql(f"DESCRIBE {t}"))}
    assert described["e"] == word
    assert _rows(spark.sql(f"SHOW TBLPROPERTIES {t} ('note')")) == [("note", word)]
    spark.sql(f"INSERT INTO {t} VALUES ({text}, 1) -- {remark}")
    spark.sql(f"INSERT INTO {t} (e) VALUES ({text})")
    spark.sql(f"UPDATE {t} SET n = 2 WHERE e = {text} AND n IS NULL")
    spark.sql(
        f"MERGE INTO {t} USING (SELECT {text} AS e, 3 AS n) s ON {t.split('.')[-1]}.e = s.e AND s.n = 1 "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    assert sorted(_rows(spark.sql(f"SELECT * FROM {t} WHERE e = {text}"))) == [(word, n) for n in (1, 2, 3)]
    spark.sql(f"DELETE FROM {t} WHERE e = {text} AND n IN (SELECT 3)")
    spark.sql(f"CREATE VIEW {v} AS SELECT e, {text} AS x /* {remark} */ FROM {t} WHERE n = 1")
    assert _rows(spark.sql(f"SELECT * FROM {v}")) == [(word, word)]
    assert _rows(spark.sql(f"CREATE TABLE {t}_2 COMMENT {text} AS SELECT * FROM {v}")) == [(1, 1)]
    spark.sql(f"ALTER TABLE {t}_2 ADD COLUMN y INT COMMENT {text}")
    spark.sql(f"COMMENT ON TABLE {t}_2 IS {text}")
    assert dict(row[::2] for row in _rows(spark.sql(f"DESCRIBE {t}_2")))["y"] == word
    assert _rows(spark.sql(f"DESCRIBE DETAIL {t}_2"))[0][3] == word


def test_the_tokenizer_cuts_where_the_text_says() -> None:
    query = "SELECT 1.1BD, 10L, `a``b`, r'x\\', \"it's\" /* a /* b */ c */ -- d\nFROM t GROUP  BY ALL"
    source = scan(query)
    assert all(token.text == query[token.start : token.end] for token in source.tokens)
    assert re.sub(r"\s", "", "".join(token.text for token in source.tokens)) == re.sub(
        r"\s|/\*.*\*/|-- d", "", query
    )
