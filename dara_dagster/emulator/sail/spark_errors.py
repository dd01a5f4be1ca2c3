"""Says Sail's errors in Spark's words, with its error conditions, and suggests the nearest column or table.

The conditions and sentences are Spark's: https://spark.apache.org/docs/latest/sql-error-conditions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import pyspark.sql.connect.proto as pb
from pyspark.errors import PySparkException
from pyspark.errors.exceptions import connect
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import CachedRelation
from sqlglot import exp

from dara_dagster.emulator.sail.answers.correction_check import has_arithmetic
from dara_dagster.emulator.sail.error_conditions import (
    analysis_error,
    edit_distance,
    make_error,
    quoted_name,
    unresolved_column,
)
from dara_dagster.emulator.sail.functions.databricks import is_databricks_function
from dara_dagster.emulator.sail.sql.queries import columns_of_source
from dara_dagster.emulator.sail.syntax.tokens import scan, unquote
from dara_dagster.emulator.sail.syntax.tree import selects, tables_in
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["explain", "give_condition", "speak_spark"]

_CONDITION = re.compile(r"\s*\[([A-Z][A-Z_]+(?:\.[A-Z_]+)?)\]")
_PART = re.compile(r'Identifier\("([^"]*)"\)')
_OUT_OF_RANGE = "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION"
_TYPES = {"Int8": "TINYINT", "Int16": "SMALLINT", "Int32": "INT", "Int64": "BIGINT", "Utf8": "STRING"}
_TYPES |= {"Float32": "FLOAT", "Float64": "DOUBLE", "Boolean": "BOOLEAN", "Date32": "DATE"}


def speak_spark(spark: BaseSession) -> None:
    """Make the session's client raise errors in Spark's words, for SQL and DataFrame calls alike."""
    handle = spark.client._handle_error

    def explained(error: Exception) -> NoReturn:
        try:
            handle(error)
        except Exception as raised:
            if spark.interceptor.is_untreated:  # a question of our own
                raise
            raise explain(spark, raised) from None

    spark.client._handle_error = explained  # type: ignore[method-assign]


def explain(spark: BaseSession, error: Exception) -> Exception:
    """Return the error in Spark's words; itself when there are none for it."""
    text = str(error)
    for pattern, say in _SENTENCES:
        match = pattern.search(text)
        if match:
            with spark.interceptor.untreated():
                error = say(spark, match)
            error.sail_message = text  # type: ignore[attr-defined]
            return error
    return error


def give_condition(error: PySparkException, query: str) -> None:
    """Give an error of a statement its condition, and the place of a name that is missing."""
    condition = _CONDITION.match(str(error))
    if condition and not error.getCondition():
        error._errorClass = condition[1]
        if not isinstance(error, connect.SparkConnectGrpcException):  # the others write the condition before
            error._message = error._message[condition.end() :].strip()
    tokens = scan(query).tokens
    for name in getattr(error, "missing", [])[-1:]:
        places = [token.start for token in tokens if token.is_name and unquote(token.text) == name]
        if places and "; line " not in error._message:
            before = query[: places[0]]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
            error._message += f"; line {line} pos {column}"


def _column(spark: BaseSession, match: re.Match[str]) -> Exception:
    name = _PART.findall(match[0]) or [unquote(match["name"])]
    if name[0].lower() == "_metadata":
        return NotSupportedLocally("The column _metadata of files")
    return unresolved_column(name, _known_columns(spark, name))


def _known_columns(spark: BaseSession, name: list[str]) -> list[str]:
    """Return the columns where a missing one was looked for: of the latest request's inputs."""
    request = spark.interceptor.latest
    plan = getattr(request, "plan", None) or getattr(getattr(request, "schema", None), "plan", None)
    if plan is None:
        return []
    if plan.WhichOneof("op_type") == "root":
        return _input_columns(spark, plan.root, name)
    command = plan.command
    if command.HasField("sql_command"):
        return _text_columns(spark, command.sql_command.input.sql.query or command.sql_command.sql, name)
    inputs = [value for _, value in _fields(command) if isinstance(value, pb.Relation)]
    return [column for relation in inputs for column in _input_columns(spark, relation, name)]


def _input_columns(spark: BaseSession, relation: pb.Relation, name: list[str]) -> list[str]:
    if relation.HasField("sql"):
        return _text_columns(spark, relation.sql.query, name)
    found: list[str] = []
    for item in _inputs(relation):
        columns = _columns(spark, item)
        found += _input_columns(spark, item, name) if columns is None else columns
    return found


def _inputs(relation: pb.Relation) -> list[pb.Relation]:
    kind = relation.WhichOneof("rel_type")
    values = [value for _, value in _fields(getattr(relation, kind))] if kind else []
    return [value for value in values if isinstance(value, pb.Relation)]


def _fields(message: Any) -> list[tuple[Any, Any]]:
    """Return the fields of a message, repeated ones item by item."""
    found: list[tuple[Any, Any]] = []
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            found += [(field, item) for item in (value if field.is_repeated else [value])]
    return found


def _columns(spark: BaseSession, relation: pb.Relation) -> list[str] | None:
    try:
        return list(DataFrame(CachedRelation(relation), spark).schema.names)
    except PySparkException:
        return None


def _text_columns(spark: BaseSession, text: str, name: list[str]) -> list[str]:
    found: list[str] = []
    for select in selects(text):
        columns = [[part.name.lower() for part in column.parts] for column in select.find_all(exp.Column)]
        if [part.lower() for part in name] in columns:
            found += columns_of_source(spark, text, select)
            if len(name) > 1 and name[-2].lower() not in map(str.lower, found):
                found = columns_of_source(spark, text, select, name[-2])
        if found:
            return found
    for table in tables_in(text):
        found += _of_query(spark, f"SELECT * FROM {quoted_name(table.parts)}")  # noqa: S608
    return found


def _of_query(spark: BaseSession, query: str) -> list[str]:
    return _columns(spark, pb.Relation(sql=pb.SQL(query=query))) or []


def _table(spark: BaseSession, match: re.Match[str]) -> Exception:
    name = [unquote(token.text) for token in scan(match["name"]).tokens if token.is_name]
    name = _written(spark, name) or name
    full = spark.registry.resolve(quoted_name(name))
    schema = (full.catalog, full.schema) if full else (spark.registry.catalog, spark.registry.schema)
    there = [*spark.store.tables(*schema), *spark.store.views(*schema)]
    near = [table for table in there if edit_distance(name[-1].lower(), table) <= max(len(name[-1]) // 3, 1)]
    shown = ", ".join(quoted_name([*name[:-1], table]) for table in near)
    hint = f" Did you mean one of the following? [{shown}]."
    sentence = (
        f"The table or view {quoted_name(name)} cannot be found.{hint if near else ''} Verify the spelling "
        "and correctness of the schema and catalog. If you did not qualify the name with a schema, verify "
        "the current_schema() output, or qualify the name with the correct schema and catalog."
    )
    return analysis_error("TABLE_OR_VIEW_NOT_FOUND", sentence, "42P01", name[-1])


def _written(spark: BaseSession, name: list[str]) -> list[str]:
    """Return the name as the request has it: Sail tells its last part only."""
    request = str(spark.interceptor.latest or "")
    chain = re.search(rf"((?:[\w`]+\.)+)`?{re.escape(name[-1])}\b", request)
    return [unquote(token.text) for token in scan(chain[0]).tokens if token.is_name] if chain else []


def _function(spark: BaseSession, match: re.Match[str]) -> Exception:
    name = match["name"]
    if is_databricks_function(name.lower()):
        return NotSupportedLocally(f"The function {name.lower()}()")
    schema = f"`{spark.registry.catalog}`.`{spark.registry.schema}`"
    path = f"[`system`.`builtin`, `system`.`session`, {schema}]"
    return analysis_error(
        "UNRESOLVED_ROUTINE", f"Cannot resolve routine `{name}` on search path {path}.", "42883"
    )


def _syntax(spark: BaseSession, match: re.Match[str]) -> Exception:
    near = match["near"]
    what = near if near == "end of input" else f"'{near}'"
    place = f" (pos {match['place']})" if match["place"] else ""
    expected = match["expected"][:80].rpartition(",")[0] or match["expected"][:80]
    sentence = f"Syntax error at or near {what}{place}: the local engine expected {expected}."
    return make_error(connect.ParseException, "PARSE_SYNTAX_ERROR", sentence, "42601")  # type: ignore[no-any-return]


def _cast(spark: BaseSession, match: re.Match[str]) -> Exception:
    kind = _TYPES.get(match["kind"], match["kind"].upper())
    sentence = (
        f'The value \'{match["value"]}\' of the type "STRING" cannot be cast to "{kind}" because it is '
        "malformed. Correct the value as per the syntax, or change its target type. Use `try_cast` to "
        "tolerate malformed input and return NULL instead."
    )
    return make_error(connect.NumberFormatException, "CAST_INVALID_INPUT", sentence, "22018")  # type: ignore[no-any-return]


def _overflow(spark: BaseSession, match: re.Match[str]) -> Exception:
    """Name a number that does not fit: an operator's, or a cast's when the request has no operator."""
    value, kind = match["value"], match["kind"]
    name = _TYPES[kind]
    if value.lstrip("-").isdigit() and has_arithmetic(spark.interceptor.latest):
        word = {"INT": "integer", "BIGINT": "long"}.get(name, name.lower())
        sentence = (
            f"{word} overflow: {value}. Use the functions with `try_` to tolerate overflow and return NULL "
            'instead. If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.'
        )
        is_small = name in ("TINYINT", "SMALLINT")
        condition = "BINARY_ARITHMETIC_OVERFLOW" if is_small else "ARITHMETIC_OVERFLOW"
        return make_error(connect.ArithmeticException, condition, sentence, "22003")  # type: ignore[no-any-return]
    sentence = (
        f'The value {value} cannot be cast to "{name}" due to an overflow. Use `try_cast` to tolerate '
        "overflow and return NULL instead."
    )
    return make_error(connect.ArithmeticException, "CAST_OVERFLOW", sentence, "22003")  # type: ignore[no-any-return]


def _too_many_digits(spark: BaseSession, match: re.Match[str]) -> Exception:
    scale = len(match["most"].partition(".")[2])
    sentence = (
        f"{match['value']} cannot be represented as Decimal({match['precision']}, {scale}). If necessary set "
        '"spark.sql.ansi.enabled" to "false" to bypass this error, and return NULL instead.'
    )
    return make_error(connect.ArithmeticException, _OUT_OF_RANGE, sentence, "22003")  # type: ignore[no-any-return]


def _too_wide(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = (
        f"{match['value']} (of the digits alone) has more than 38 digits before it is rounded, which the "
        "local workspace cannot compute."
    )
    return make_error(connect.ArithmeticException, _OUT_OF_RANGE, sentence, "22003")  # type: ignore[no-any-return]


def _mean_overflow(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = (
        "Overflow in sum of decimals. Use 'try_avg' to tolerate overflow and return NULL instead. If "
        'necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.'
    )
    return make_error(connect.ArithmeticException, "ARITHMETIC_OVERFLOW", sentence, "22003")  # type: ignore[no-any-return]


def _division(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = (
        "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. If "
        'necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.'
    )
    return make_error(connect.ArithmeticException, "DIVIDE_BY_ZERO", sentence, "22012")  # type: ignore[no-any-return]


def _ambiguous(spark: BaseSession, match: re.Match[str]) -> Exception:
    name = quoted_name(_PART.findall(match[0]))
    return analysis_error(
        "AMBIGUOUS_REFERENCE", f"Reference {name} is ambiguous: several tables have it.", "42704"
    )


def _ungrouped(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = (
        "A non-aggregating expression is based on columns which are not participating in the GROUP BY "
        "clause. Add the columns or the expression to the GROUP BY, aggregate the expression, or use "
        "any_value()."
    )
    return analysis_error("MISSING_AGGREGATION", sentence, "42803")


def _widths(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = (
        f"UNION can only be performed on inputs with the same number of columns, but the first input has "
        f"{match['left']} columns and the second input has {match['right']} columns."
    )
    return analysis_error("NUM_COLUMNS_MISMATCH", sentence, "42826")


def _broken_off(spark: BaseSession, match: re.Match[str]) -> Exception:
    details = re.search(r'details = "([^"]*)"', match[0])
    reason = f" ({details[1]})" if details else ""
    text = f"[INTERNAL_ERROR] The local engine broke off without an answer{reason}. The fault is its own."
    return connect.SparkConnectGrpcException(message=text, errorClass="INTERNAL_ERROR", sql_state="XX000")


def _setting(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = f'The SQL config "{match["key"]}" cannot be found. Please verify that the config exists.'
    return make_error(connect.SparkNoSuchElementException, "SQL_CONF_NOT_FOUND", sentence, "42K0I")  # type: ignore[no-any-return]


def _identity(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = f"Providing values for GENERATED ALWAYS AS IDENTITY column {match['name']} is not supported."
    return analysis_error("DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED", sentence, "42808")


def _too_early(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = f"The provided timestamp ({match['time']}) is before the earliest version available."
    return analysis_error("DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION", sentence, "42816")


def _schema_mismatch(spark: BaseSession, match: re.Match[str]) -> Exception:
    sentence = (
        f"A schema mismatch detected when writing to the Delta table, which has no column `{match['name']}`. "
        'To add it, set .option("mergeSchema", "true"); to replace the columns, '
        '.option("overwriteSchema", "true").'
    )
    return analysis_error("DELTA_METADATA_MISMATCH", sentence, "42KDG")


def _refused(what: str, hint: str = "") -> Callable[[Any, re.Match[str]], Exception]:
    return lambda spark, match: NotSupportedLocally(what, hint)


def _refused_there(spark: BaseSession, match: re.Match[str]) -> Exception:
    """Name what a rewrite refused when it came up, as everywhere else."""
    return NotSupportedLocally(match["what"], match["hint"].strip())


# Sail keeps what it read of a table by the table's place and version, whatever lies there since.
_MADE_AGAIN = (
    "DELETE and replaceWhere of a table that was dropped and made again with other columns in one session",
    "Make it by CREATE OR REPLACE TABLE, without DROP TABLE.",
)
_SENTENCES: list[tuple[re.Pattern[str], Callable[[Any, re.Match[str]], Exception]]] = [
    (
        re.compile(
            r"^(?P<what>.+) is not supported by the local workspace; it works on Databricks\.(?P<hint>.*)$"
        ),
        _refused_there,
    ),
    (re.compile(r"attribute ObjectName\(\[[^\]]*\]\) is missing from the schema"), _column),
    (re.compile(r"\[UNRESOLVED_COLUMN\] Cannot find column (?P<name>\S+)"), _column),
    (re.compile(r"Cannot resolve \w+ target column (?P<name>`[^`]+`)"), _column),
    (re.compile(r"(?:Table or view|View) not found: (?P<name>\S+)"), _table),
    (re.compile(r"^\[TABLE_OR_VIEW_NOT_FOUND\] The table or view (?P<name>\S+) cannot be found$"), _table),
    (re.compile(r"(?:unknown (?:table )?function|^function): (?P<name>\w+)"), _function),
    (
        re.compile(
            r"invalid argument: found (?P<near>end of input|.+?)(?: at (?P<place>\d+):\d+)? "
            r"expected (?P<expected>.*)",
            re.S,
        ),
        _syntax,
    ),
    (re.compile(r"Cannot cast string '(?P<value>.*)' to value of (?P<kind>\w+) type", re.S), _cast),
    (re.compile(r"Can't cast value (?P<value>\S+) to type (?P<kind>Int\d+)$"), _overflow),
    (re.compile(r"value of (?P<value>\S+) is out of range (?P<kind>Int\d+)$"), _overflow),
    (re.compile(r"Overflow happened on: (?P<value>.+)$"), _too_wide),
    (
        re.compile(
            r"(?P<value>\S+) is too large to store in a Decimal128 of precision (?P<precision>\d+)\. "
            r"Max is (?P<most>[\d.]+)"
        ),
        _too_many_digits,
    ),
    (re.compile(r"Arithmetic Overflow in AvgAccumulator"), _mean_overflow),
    (re.compile(r"^(?:.*: )?divi(?:de|sion) by zero", re.I), _division),
    (re.compile(r"^TABLESAMPLE with ROWS"), _refused("TABLESAMPLE (n ROWS) of a subquery", "Use LIMIT.")),
    (re.compile(r"No data source found for: xml"), _refused("The format xml")),
    (
        re.compile(r"grouping sets with grouping expressions"),
        _refused("DataFrame.groupingSets()", "Write GROUP BY GROUPING SETS in SQL."),
    ),
    (
        re.compile(r"Found unmasked nulls for non-nullable StructArray field"),
        _refused("cogroup() with keys of one side only", "Join the frames by their keys first."),
    ),
    (re.compile(r"ambiguous attribute: ObjectName\(\[[^\]]*\]\)"), _ambiguous),
    (re.compile(r'No field named \S*"#\d+"'), _ungrouped),
    (
        re.compile(r"UNION queries .* left has (?P<left>\d+) columns whereas right has (?P<right>\d+)"),
        _widths,
    ),
    (re.compile(r"configuration not found: (?P<key>\S+)"), _setting),
    (re.compile(r"Providing values for GENERATED ALWAYS AS IDENTITY column (?P<name>`[^`]+`)"), _identity),
    (re.compile(r"No version of the Delta table exists at or before timestamp (?P<time>\S+)"), _too_early),
    (re.compile(r"Field '(?P<name>[^']+)' not found in table schema\. Use mergeSchema"), _schema_mismatch),
    (re.compile(r"Column '.+' is not available in Delta file scan schema"), _refused(*_MADE_AGAIN)),
    (re.compile(r"<_(?:MultiThreaded|Inactive)\w*Rendezvous.*|<_InactiveRpcError.*", re.S), _broken_off),
]
