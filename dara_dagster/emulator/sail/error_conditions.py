"""Makes errors with the conditions, sentences and suggestions of Spark."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyspark.errors.exceptions import connect

__all__ = [
    "analysis_error",
    "edit_distance",
    "make_error",
    "quoted_name",
    "sail_message",
    "unresolved_column",
]

_MOST_SUGGESTED = 5


def sail_message(error: BaseException) -> str:
    """Return Sail's message of an error in Spark's words."""
    return str(getattr(error, "sail_message", error))


def unresolved_column(name: Iterable[str], known: Iterable[str]) -> connect.AnalysisException:
    """Make the error for a column that is not there; `known` are those that are."""
    *qualifier, last = name
    known = list(known)
    if qualifier and qualifier[-1].lower() in map(str.lower, known):
        sentence = f"No such struct field `{last}` in `{qualifier[-1]}`."
        return analysis_error("FIELD_NOT_FOUND", sentence, "42704", last)
    nearest = sorted(dict.fromkeys(known), key=lambda column: edit_distance(last.lower(), column.lower()))
    shown = [quoted_name([*qualifier, column]) for column in nearest[:_MOST_SUGGESTED]]
    wanted = quoted_name([*qualifier, last])
    sentence = f"A column, variable, or function parameter with name {wanted} cannot be resolved."
    if not shown:
        return analysis_error("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", sentence, "42703", last)
    hint = f" Did you mean one of the following? [{', '.join(shown)}]."
    return analysis_error("UNRESOLVED_COLUMN.WITH_SUGGESTION", sentence + hint, "42703", last)


def analysis_error(condition: str, sentence: str, state: str, *missing: str) -> connect.AnalysisException:
    """Make an AnalysisException; `missing` are the names whose place in the statement matters."""
    error: connect.AnalysisException = make_error(connect.AnalysisException, condition, sentence, state)
    error.missing = list(missing)  # type: ignore[attr-defined]
    return error


def make_error(kind: type[Any], condition: str, sentence: str, state: str) -> Any:
    """Make an error with its condition and its SQLSTATE."""
    text = f"[{condition}] {sentence} SQLSTATE: {state}"
    return kind(message=text, errorClass=condition, sql_state=state)


def quoted_name(parts: Iterable[str]) -> str:
    """Join the parts of a name, each in back-quotes."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def edit_distance(one: str, other: str) -> int:
    """Compute Levenshtein's distance, by which Spark orders its suggestions."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
