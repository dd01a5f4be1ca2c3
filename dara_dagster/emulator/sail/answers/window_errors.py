"""Errors for windows that Spark does not take, and Sail answers."""

from __future__ import annotations

from pyspark.errors import AnalysisException

__all__ = ["RANKING", "refused_window", "unordered_window"]

RANKING = {
    *("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"),
}


def refused_window(name: str) -> AnalysisException:
    """Return the error for count(DISTINCT x) OVER ()."""
    return AnalysisException(
        "[DISTINCT_WINDOW_FUNCTION_UNSUPPORTED] Distinct window functions are not supported: "
        f"{name}(DISTINCT). SQLSTATE: 0A000"
    )


def unordered_window(name: str) -> AnalysisException:
    """Return the error for row_number() OVER (), whose order would be left to chance."""
    return AnalysisException(
        f"Window function {name}() requires window to be ordered, please add ORDER BY clause. For example "
        f"{name}() OVER (PARTITION BY a ORDER BY b)."
    )
