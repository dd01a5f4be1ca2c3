"""Cuts a list into pages, with the tokens that lead from one to the next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from dara_dagster.emulator.core.errors import invalid

T = TypeVar("T")


ELEMENTS = 100
"""How many elements of an array one answer of the Jobs API 2.2 has.

https://docs.databricks.com/api/workspace/jobs/getrun
"""


def page(
    items: Sequence[T], token: str | None, size: Any = None, *, default: int = 100, most: int = 1000
) -> tuple[Sequence[T], dict[str, str]]:
    """Return the items of one page, and `next_page_token` / `prev_page_token` where there is such a page.

    `size` is what the request has, `default` counts when that is absent or 0, and no page is longer than
    `most`. A token is the place of the page's first item; ApiError 400 for one that is not.
    """
    first, length = _read_token(token), page_size(size, default, most)
    return items[first : first + length], _make_tokens(first, length, len(items))


def cut_arrays(view: dict[str, Any], arrays: Sequence[str], token: str | None) -> dict[str, str]:
    """Leave of the `arrays` in `view` the elements of one page, and return the tokens of the others.

    Of an array that ended on an earlier page nothing is left: the SDK puts the pages of each together.
    """
    first, longest = _read_token(token), max((len(view.get(name, ())) for name in arrays), default=0)
    for name in arrays:
        if name in view:
            view[name] = view[name][first : first + ELEMENTS]
    return _make_tokens(first, ELEMENTS, longest)


def _read_token(token: str | None) -> int:
    if token and not re.fullmatch("[0-9]{1,18}", token):
        raise invalid(f"Invalid page token: {token}")
    return int(token or 0)


def _make_tokens(first: int, size: int, count: int) -> dict[str, str]:
    """Make the tokens there are; an empty one, instead of none, makes the SDK's get_run loop for ever."""
    tokens = {}
    if first + size < count:
        tokens["next_page_token"] = str(first + size)
    if first:
        tokens["prev_page_token"] = str(max(first - size, 0))
    return tokens


def page_size(sent: Any, default: int, most: int) -> int:
    """Return the wanted number of items: `default` when absent or 0, at most `most`; ApiError 400 for
    nonsense."""
    try:
        size = int(sent or 0) or default  # a 0 in a query is the text "0"
    except (TypeError, ValueError, OverflowError):
        size = -1
    if size < 0:
        raise invalid(f"The page size must be a number from 0, got {sent!r}.")
    return min(size, most)
