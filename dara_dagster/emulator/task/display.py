"""Turns what a cell shows (DataFrames, pandas, anything) into text for the task's log."""

from __future__ import annotations

import sys
from typing import Any

import pandas
from pyspark.sql.connect.dataframe import DataFrame

__all__ = ["display", "display_html"]

_ROWS = 20


def display(value: Any = None, *args: Any, **kwargs: Any) -> None:
    """Print a DataFrame's first rows as a table; a streaming or other object as its text."""
    if isinstance(value, DataFrame):
        _display_frame(value)
    elif isinstance(value, pandas.DataFrame | pandas.Series):
        print(value.to_string(max_rows=_ROWS))
    elif value is not None:
        print(value)
    sys.stdout.flush()


def _display_frame(frame: DataFrame) -> None:
    if not frame.columns:
        return
    rows = frame.limit(_ROWS + 1).toPandas()
    if len(rows) == 0:
        print("  ".join(str(column) for column in rows.columns), "\n(no rows)", sep="")
        return
    print(rows.head(_ROWS).to_string(index=False))
    if len(rows) > _ROWS:
        print(f"(only the first {_ROWS} rows are shown)")


def display_html(html: str = "") -> None:
    """Do nothing: HTML cannot be shown in a log."""
