"""The project of tests/defs (config files, an instance, an emulator workspace), for what reads its runs."""

from __future__ import annotations

from tests.defs.conftest import instance, project

__all__ = ["instance", "project"]
