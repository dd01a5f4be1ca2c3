"""Loads what a user's files name as `module:Name`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from dara_dagster.errors import DaraError

__all__ = ["find_modules_in", "load_object"]


def load_object(named: str) -> Any:
    """Return what `module:Name` stands for.

    Raises DaraError when the module or the name is not there; what the module itself raises goes through.
    """
    module, _, name = named.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DaraError(f"{named} cannot be loaded: {error}") from error


def find_modules_in(root: Path) -> None:
    """Have modules in the project's folder found, after what is installed: they must not stand in for it."""
    if str(root) not in sys.path:
        sys.path.append(str(root))
