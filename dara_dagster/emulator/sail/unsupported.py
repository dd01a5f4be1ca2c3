"""Declares the error for what the local workspace cannot do, always in the same words."""

from __future__ import annotations

from pyspark.errors import AnalysisException

__all__ = ["NotSupportedLocally"]


class NotSupportedLocally(AnalysisException):
    """Names the statement or option; it is an AnalysisException so that the user's handlers see the usual
    class.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        text = f"{what} is not supported by the local workspace; it works on Databricks."
        super().__init__(f"{text} {hint}".rstrip())
