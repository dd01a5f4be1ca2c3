"""Answers a query of an index by comparing the vector with that of each row; nothing is approximate."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.services.vector_search.rows import Row, Source, shown

__all__ = ["Query", "read_query", "refuse"]

_MOST_RESULTS = 10_000
_REFUSED = {
    "query_text": "needs an embedding model or a text index",
    "query_columns": "needs a text index",
    "columns_to_rerank": "needs a reranking model",
    "reranker": "needs a reranking model",
    "facets": "is left to Databricks",
    "sort_columns": "is left to Databricks",
}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda value, than: bool(value < than),
    "<=": lambda value, than: bool(value <= than),
    ">": lambda value, than: bool(value > than),
    ">=": lambda value, than: bool(value >= than),
    "NOT": lambda value, other: value not in _list_values(other),
    "": lambda value, other: value in _list_values(other),
}


def refuse(what: str, why: str) -> ApiError:
    """Return the answer to what the emulator does not have."""
    return invalid(f"{what} is not supported by the emulator: it {why}.")


@dataclass(frozen=True)
class Query:
    """One query, checked."""

    vector: Sequence[float]
    columns: Sequence[str]
    most: int
    threshold: float
    filters: Sequence[tuple[str, str, Any]]

    def answer(self, rows: Sequence[Row], source: Source) -> dict[str, Any]:
        """Return the nearest rows, the nearest first, each with its score in a last column.

        The score is 1 / (1 + d²), where d is the Euclidean distance: for vectors of length 1 its order is
        that of the cosine (https://docs.databricks.com/aws/en/vector-search/vector-search).
        """
        try:
            kept = [row for row in rows if all(_check_filter(row, *each) for each in self.filters)]
        except TypeError as error:
            raise invalid(f"filters_json compares values of different types: {error}.") from None
        scored = [(1 / (1 + math.dist(row[source.vector], self.vector) ** 2), row) for row in kept]
        passing = [each for each in scored if each[0] >= self.threshold]
        best = heapq.nsmallest(self.most, passing, key=lambda each: (-each[0], each[1][source.key]))
        columns = [{"name": name, "type_text": source.columns[name]} for name in self.columns]
        data = [[*(shown(row[name]) for name in self.columns), score] for score, row in best]
        return {
            "manifest": {"column_count": len(columns) + 1, "columns": [*columns, {"name": "score"}]},
            "result": {"row_count": len(data), "data_array": data},
            "next_page_token": "",
        }


def read_query(sent: Mapping[str, Any], dimension: int, known: Mapping[str, str]) -> Query:
    """Return the query of a body. Raises ApiError for what is wrong, and by name for what is not
    supported."""
    for name, why in _REFUSED.items():
        if sent.get(name):
            raise refuse(name, why)
    kind = sent.get("query_type") or "ANN"
    if kind != "ANN":
        raise refuse(f"query_type {kind}", "searches by vector only (ANN)")
    columns = sent.get("columns")
    if not isinstance(columns, list) or not columns:
        raise invalid("Missing required field: columns")
    for name in columns:
        if name not in known:
            raise invalid(f"The index has no column {name!r}; it has {', '.join(known)}.")
    return Query(
        _read_vector(sent.get("query_vector"), dimension),
        columns,
        _read_most(sent.get("num_results", 10)),
        _read_threshold(sent.get("score_threshold", 0.0)),
        _read_filters(sent.get("filters_json"), known),
    )


def _read_vector(value: Any, dimension: int) -> Sequence[float]:
    if value is None:
        raise invalid("Missing required field: query_vector")
    if not isinstance(value, list) or not all(_is_number(each) for each in value):
        raise invalid("query_vector has to be a list of finite numbers.")
    if len(value) != dimension:
        raise invalid(f"query_vector has {len(value)} numbers, but the index has {dimension} dimensions.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_most(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_RESULTS:
        raise invalid(f"num_results has to be a whole number from 1 to {_MOST_RESULTS}.")
    return value


def _read_threshold(value: Any) -> float:
    if not _is_number(value):
        raise invalid("score_threshold has to be a number.")
    return float(value)


def _read_filters(text: Any, known: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    """Return column, operator and value of each filter; those of the documentation but LIKE and OR."""
    if not text:
        return []
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise invalid("filters_json has to be the JSON text of an object.")
    filters = []
    for key, value in found.items():
        column, _, operator = key.strip().partition(" ")
        if operator.strip() not in _COMPARE:
            raise refuse(f"The filter {key!r}", f"knows {', '.join(filter(None, _COMPARE))} and equality")
        if column not in known:
            raise invalid(f"The index has no column {column!r}; it has {', '.join(known)}.")
        filters.append((column, operator.strip(), value))
    return filters


def _check_filter(row: Row, column: str, operator: str, value: Any) -> bool:
    return row[column] is not None and _COMPARE[operator](row[column], value)


def _list_values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
