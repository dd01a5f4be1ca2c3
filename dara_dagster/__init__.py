"""DARA for Dagster: run Databricks work from plain config files.

Public names are resolved on first use, so that importing the package loads neither Dagster nor the
Databricks SDK.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ConfigError": "errors",
    "DaraError": "errors",
    "Plan": "spec",
    "Problem": "errors",
    "Translator": "defs.translator",
    "build_definitions": "defs.definitions",
    "check": "spec",
    "load": "spec",
    "make_plan": "spec",
    "plan_from": "spec",
    "read_status": "serve.status",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
