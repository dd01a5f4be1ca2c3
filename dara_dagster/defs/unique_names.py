"""Turns names people write into names Dagster takes, still recognisable and never the same for two things."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections import defaultdict

__all__ = ["Names", "safe_name"]

# Dagster refuses these as names (dagster/_core/definitions/utils.py, DISALLOWED_NAMES).
_RESERVED = {
    *("context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict"),
    *("int", "str", "float", "bool", "input", "output", "type"),
    *keyword.kwlist,
}


def safe_name(text: str) -> str:
    """Return `text` as a Dagster name (`[A-Za-z0-9_]+`): no accents, one `_` for what else it has."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_]+", "_", plain).strip("_") or "unnamed"
    return f"{name}_" if name in _RESERVED else name


class Names:
    """Hands out each name once: the second thing that wants `load` is called `load_2`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: defaultdict[str, int] = defaultdict(lambda: 1)

    def take(self, text: str, ending: str = "") -> str:
        """Return the safe form of `text`, with a number when something else has it already.

        The name with `ending` after it is taken too.
        """
        wanted = name = safe_name(text)
        while not self._taken.isdisjoint((name, name + ending)):
            self._numbers[wanted] += 1  # kept: thousands of names in another script all want `unnamed`
            name = f"{wanted}_{self._numbers[wanted]}"
        self._taken.update((name, name + ending))
        return name
