"""Values of the context in SQL: parameters where SQL takes one, refused anywhere else, never text."""

from __future__ import annotations

import pytest

from dara_dagster.config.sql_placeholders import CannotBind, bind_placeholders
from tests.config.conftest import Project


@pytest.mark.parametrize(
    ("statement", "text", "names"),
    [
        ("SELECT 1", "SELECT 1", {}),
        ("SELECT ${context.n}::INT", "SELECT :context_n::INT", {"context_n": "n"}),
        (
            "SELECT * FROM t WHERE a = ${context.load.path} AND b IN (${context.b},${context.load.path})",
            "SELECT * FROM t WHERE a = :context_load_path AND b IN (:context_b,:context_load_path)",
            {"context_load_path": "load.path", "context_b": "b"},
        ),
        ("SELECT ${context.a.b}, ${context.a_b}", "SELECT :context_a_b, :context_a_b_2", None),
        ("SELECT :context_a, ${context.a}", "SELECT :context_a, :context_a_2", {"context_a_2": "a"}),
        ("FROM IDENTIFIER(${context.t})", "FROM IDENTIFIER(:context_t)", {"context_t": "t"}),
        ("SELECT 'a' -- ${context.t}\n, 'it\\'s'", "SELECT 'a' -- ${context.t}\n, 'it\\'s'", {}),
        ("SELECT r'\\', ${context.n} /* ' */", "SELECT r'\\', :context_n /* ' */", {"context_n": "n"}),
        ("SELECT bar'', ${context.n}", "SELECT bar'', :context_n", {"context_n": "n"}),
        ("SELECT extract(YEAR FROM ${context.d})", "SELECT extract(YEAR FROM :context_d)", None),
        ("SELECT a IS DISTINCT FROM ${context.d}", "SELECT a IS DISTINCT FROM :context_d", None),
    ],
)
def test_a_value_becomes_a_parameter(statement: str, text: str, names: dict[str, str] | None) -> None:
    bound = bind_placeholders(statement, ["context_a"] if ":context_a," in statement else [])
    assert bound.text == text
    assert names is None or bound.names == names


@pytest.mark.parametrize(
    ("statement", "wrong", "remedy"),
    [
        ("SELECT '${context.n}'", "within quotes", "without quotes"),
        ('SELECT "day ${context.n}"', "within quotes", "||"),
        ("SELECT r'${context.n}'", "within quotes", "without quotes"),
        ("SELECT 'open ${context.n}", "within quotes", "without quotes"),
        ("SELECT * FROM `${context.t}`", "part of a name", "IDENTIFIER"),
        ("SELECT * FROM ${context.t}", "stands for a name", "IDENTIFIER(${context.t})"),
        ("SELECT * FROM a JOIN -- x\n ${context.t}", "stands for a name", "IDENTIFIER"),
        ("SELECT * FROM main.${context.t}", "a part of one", "IDENTIFIER"),
        ("SELECT * FROM (SELECT trim(x) FROM ${context.t})", "stands for a name", "IDENTIFIER"),
        ("DROP TABLE IF EXISTS ${context.t}", "stands for a name", "IDENTIFIER"),
        ("SELECT 1 ORDER BY ${context.c}", "stands for a name", "IDENTIFIER"),
        ("${context.sql}", "where a statement begins", "Write the statement"),
        ("/* x */ ${context.sql}", "where a statement begins", "Write the statement"),
    ],
)
def test_what_cannot_be_a_parameter_is_refused_where_it_stands(
    project: Project, statement: str, wrong: str, remedy: str
) -> None:
    with pytest.raises(CannotBind):
        bind_placeholders(statement)
    settings = {"statement": statement, "warehouse_name": "bi"}
    project.write("workflows/sums.json", {"steps": [{"uses": "run_sql", "settings": settings}]})
    (problem,) = project.problems()
    assert (problem.file.name, problem.key) == ("sums.json", "steps[0].settings.statement")
    assert wrong in problem.message and remedy in problem.hint
