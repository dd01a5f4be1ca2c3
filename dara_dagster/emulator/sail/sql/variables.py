"""Session variables: DECLARE, SET VAR, DROP VARIABLE, EXECUTE IMMEDIATE, and names that stand for them.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-variables
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException
from sqlglot import exp

from dara_dagster.emulator.sail.sql.handlers import done, statement
from dara_dagster.emulator.sail.sql.values import evaluate, value_text
from dara_dagster.emulator.sail.syntax.column_names import column_name, makes_columns
from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, scan, unquote
from dara_dagster.emulator.sail.syntax.tree import parse, span
from dara_dagster.emulator.sail.variable_scopes import Variable

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = [
    "assign",
    "assign_row",
    "declare",
    "split_declaration",
    "with_variables",
]

_USING = Pattern("<value:rest> [AS <name:word>]")


def declare(
    spark: BaseSession, names: Sequence[str], kind: str, default: str, scope: dict[str, Variable]
) -> None:
    """Put variables into a scope; without a type they have that of their value."""
    if not kind and default:
        kind = spark.sql(f"SELECT ({default}) AS _v").schema.fields[0].dataType.simpleString()
    value = evaluate(spark, default or "NULL", kind)
    for name in names:
        scope[unquote(name).lower()] = Variable(kind, value, default or "NULL")


def assign(spark: BaseSession, name: str, expression: str) -> None:
    """Set one variable. Raises AnalysisException for a name that is no variable."""
    variable = _existing(spark, name)
    is_default = scan(expression).words == {"DEFAULT"}
    variable.value = evaluate(spark, variable.default if is_default else expression, variable.kind)


def _existing(spark: BaseSession, name: str) -> Variable:
    variable = spark.variables.find(spark.registry.parts(name))
    if variable is None:
        raise AnalysisException(
            f"[UNRESOLVED_VARIABLE] Cannot resolve variable `{unquote(name)}` on search path "
            "`system`.`session`. SQLSTATE: 42883"
        )
    return variable


@statement("DECLARE replace=[OR REPLACE] [VARIABLE] <definition:rest>")
def declare_variable(spark: BaseSession, match: Match) -> DataFrame:
    names, kind, default = split_declaration(match["definition"])
    scope = spark.variables.scopes[0][1]
    there = [name for name in names if unquote(name).lower() in scope]
    if there and not match["replace"]:
        raise AnalysisException(
            "[VARIABLE_ALREADY_EXISTS] Cannot create the variable "
            f"`system`.`session`.`{unquote(there[0])}` because "
            "it already exists. Choose a different name, or drop or replace the existing variable. "
            "SQLSTATE: 42723"
        )
    declare(spark, names, kind, default, scope)
    return done(spark)


def split_declaration(text: str) -> tuple[list[str], str, str]:
    """Return (names, type, default) of `a, b INT DEFAULT 0`; the type and the default may be ''."""
    source = scan(text)
    tokens, names, index = source.tokens, [], 0
    while index < len(tokens):
        names.append(source.slice(index, index + 1))
        index += 1
        if index == len(tokens) or tokens[index].text != ",":
            break
        index += 1
    starts = [i for i in source.top_level(index, len(tokens)) if tokens[i].upper in ("DEFAULT", "=")]
    end = starts[0] if starts else len(tokens)
    return names, source.slice(index, end), source.slice(end + 1, len(tokens)) if starts else ""


@statement("SET (VAR | VARIABLE) <names:group> '=' <query:group>")
def set_by_query(spark: BaseSession, match: Match) -> DataFrame:
    """Run SET VAR (x, y) = (SELECT ...): one row; none makes them NULL."""
    assign_row(spark, match.items("names"), spark.sql(match["query"]))
    return done(spark)


def assign_row(spark: BaseSession, names: Sequence[str], frame: DataFrame) -> None:
    """Give variables the columns of the only row of a query."""
    rows = frame.limit(2).collect()
    if len(rows) > 1:
        raise AnalysisException(
            "[ROW_SUBQUERY_TOO_MANY_ROWS] More than one row returned by a subquery used as a row. "
            "SQLSTATE: 21000"
        )
    if len(names) != len(frame.columns):
        raise AnalysisException(
            "[ASSIGNMENT_ARITY_MISMATCH] The number of columns or variables assigned or aliased: "
            f"{len(names)} "
            f"does not match the number of source expressions: {len(frame.columns)}. SQLSTATE: 42802"
        )
    kinds = [field.dataType for field in frame.schema.fields]
    values = rows[0] if rows else [None] * len(names)
    for name, value, kind in zip(names, values, kinds, strict=True):
        assign(spark, name, value_text(value, kind))


@statement("SET (VAR | VARIABLE) <assignments:rest>")
def set_variable(spark: BaseSession, match: Match) -> DataFrame:
    for text in match.items("assignments"):
        pair = _ASSIGNMENT.match(text)
        if pair is None:
            raise AnalysisException(f"[PARSE_SYNTAX_ERROR] SET VAR takes name = value, not {text}.")
        assign(spark, pair["name"], pair["value"])
    return done(spark)


_ASSIGNMENT = Pattern("<name> '=' <value:rest>")


@statement("DROP (TEMPORARY | TEMP) VARIABLE quiet=[IF EXISTS] <name>")
def drop_variable(spark: BaseSession, match: Match) -> DataFrame:
    if spark.variables.find(spark.registry.parts(match["name"])) or not match["quiet"]:
        _existing(spark, match["name"])
        spark.variables.scopes[0][1].pop(spark.registry.parts(match["name"])[-1].lower(), None)
    return done(spark)


@statement("EXECUTE IMMEDIATE <text:rest> [INTO <names:rest>] [USING <arguments:rest>]")
def execute_immediate(spark: BaseSession, match: Match) -> DataFrame:
    """Return the statement that an expression holds, with values for its markers.

    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-aux-execute-immediate
    """
    text = spark.sql(f"SELECT ({match['text']}) AS _v").collect()[0][0]
    arguments = match.items("arguments")
    if len(arguments) == 1 and arguments[0].startswith("("):
        arguments = Pattern("<all:group>").match(arguments[0]).items("all")  # type: ignore[union-attr]
    given = [found for found in map(_USING.match, arguments) if found]
    named = [found for found in given if found["name"]]
    values: Any = [_value(spark, found["value"]) for found in given]
    if named:
        values = {unquote(found["name"]): _value(spark, found["value"]) for found in given}
    frame = spark.sql(text, args=values or None)
    if not match["names"]:
        return frame
    assign_row(spark, match.items("names"), frame)
    return done(spark)


def _value(spark: BaseSession, expression: str) -> Any:
    return spark.sql(f"SELECT ({expression}) AS _v").collect()[0][0]


def with_variables(spark: BaseSession, text: str, name: Sequence[str], has_column: Any) -> str:
    """Return the statement with the value in place of a name that is no column; the same when it is no
    variable.

    `has_column` tells whether a SELECT's tables have a column.
    """
    variable = spark.variables.find(name)
    tree = parse(text)
    if variable is None or tree is None:
        return text
    edits: list[Edit] = []
    names: set[Edit] = set()
    answers: dict[int, bool] = {}
    no_columns = spark.variables.no_columns
    for column in tree.find_all(exp.Column):
        parts = column.parts
        if [part.name.lower() for part in parts] != [part.lower() for part in name]:
            continue
        select = column.find_ancestor(exp.Select)
        if len(parts) == 1 and select is not None and parts[0].name.lower() not in no_columns:
            if id(select) not in answers:
                answers[id(select)] = has_column(select)
            if answers[id(select)]:
                continue
        edits.append(Edit(parts[0].meta["start"], parts[-1].meta["end"] + 1, variable.value))
        if select is not None:
            names |= _unnamed_item(text, select, column)
    return apply(text, [*edits, *names])


def _unnamed_item(text: str, select: exp.Select, column: exp.Column) -> set[Edit]:
    """Return the edit that names the column of a SELECT in which a variable stands as it was written."""
    item: exp.Expr = column
    while item.parent is not None and item.parent is not select:
        item = item.parent
    if (
        not any(item is one for one in select.expressions)
        or isinstance(item, exp.Alias)
        or "span" not in item.meta
    ):
        return set()
    place = span(item)
    written = place.of(text)
    return (
        set()
        if makes_columns(written)
        else {Edit(place.end, place.end, f" AS `{column_name(item, written).replace('`', '``')}`")}
    )
