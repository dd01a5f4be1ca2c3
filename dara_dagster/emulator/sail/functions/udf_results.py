"""What a Python function returns, as Spark takes it: a value of another type than declared is NULL.

Source: https://spark.apache.org/docs/4.0.1/api/python/reference/pyspark.sql/api/pyspark.sql.functions.udf.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pyspark.sql.connect.udf import UserDefinedFunction
from pyspark.sql.types import BooleanType, DataType, FractionalType, IntegralType
from pyspark.sql.types import DecimalType as Decimal
from pyspark.util import PythonEvalType

__all__ = ["install"]

_create = UserDefinedFunction.__init__


def install() -> None:
    """Make every function that is registered or used from now on answer so; Sail 0.7.2 fails instead."""
    UserDefinedFunction.__init__ = _init  # type: ignore[method-assign]


def _init(self: UserDefinedFunction, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    _create(self, func, *args, **kwargs)
    if self.evalType in (PythonEvalType.SQL_BATCHED_UDF, PythonEvalType.SQL_ARROW_BATCHED_UDF):
        self.func = _checked(func, self._returnType)


def _checked(func: Callable[..., Any], declared: Any) -> Callable[..., Any]:
    kind = DataType.fromDDL(declared) if isinstance(declared, str) else declared
    wanted = _python_type(kind)
    if wanted is None:
        return func

    @functools.wraps(func)
    def run(*args: Any, **kwargs: Any) -> Any:
        found = func(*args, **kwargs)
        return found if type(found) is wanted else None

    return run


def _python_type(kind: DataType) -> type | None:
    """Return the Python type of values of a type; None where Spark takes several."""
    if isinstance(kind, BooleanType):
        return bool
    if isinstance(kind, IntegralType):
        return int
    return float if isinstance(kind, FractionalType) and not isinstance(kind, Decimal) else None
