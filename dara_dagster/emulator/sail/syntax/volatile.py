"""Functions that have another value each time that they are computed.

Source: https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-functions-builtin
"""

from __future__ import annotations

import itertools

from dara_dagster.emulator.sail.syntax.tokens import scan

__all__ = ["VOLATILE", "is_volatile"]

VOLATILE = frozenset({"rand", "random", "randn", "randstr", "uniform", "uuid", "shuffle"})
_WORDS = frozenset(name.upper() for name in VOLATILE)


def is_volatile(text: str) -> bool:
    """Return whether an expression calls one of them."""
    source = scan(text)
    if not source.words & _WORDS:
        return False
    pairs = itertools.pairwise(source.tokens)
    return any(token.upper in _WORDS and after.text == "(" for token, after in pairs)
