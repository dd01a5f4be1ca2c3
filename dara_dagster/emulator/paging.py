"""Cuts a list into pages, with the tokens that lead from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from dara_dagster.emulator.app import ApiError

T = TypeVar("T")


def page(items: Sequence[T], size: int, token: str | None) -> tuple[Sequence[T], dict[str, str]]:
    """The items of one page, and `next_page_token` / `prev_page_token` where there is such a page.

    A token is the place of the page's first item; ApiError 400 for one that is not. Keys are left out
    rather than empty: an empty token makes the SDK's get_run loop for ever (databricks-api.md 2.2).
    """
    if token and not token.isdecimal():
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Invalid page token: {token}")
    first = int(token or 0)
    tokens = {}
    if first + size < len(items):
        tokens["next_page_token"] = str(first + size)
    if first:
        tokens["prev_page_token"] = str(max(first - size, 0))
    return items[first : first + size], tokens


def page_size(sent: Any, default: int, most: int) -> int:
    """The wanted number of items: `default` when absent or 0, at most `most`; ApiError 400 for nonsense."""
    try:
        size = int(sent or 0) or default  # a 0 in a query is the text "0"
    except (TypeError, ValueError):
        size = -1
    if size < 0:
        raise ApiError(
            400, "INVALID_PARAMETER_VALUE", f"The page size must be a number from 0, got {sent!r}."
        )
    return min(size, most)
