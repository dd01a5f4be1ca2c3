"""Checks of the engine. Each has a local workspace of its own; none depends on another."""

from __future__ import annotations

from tests.emulator.sail.checks import changes, create, describe, dml, frames, readwrite, session, streams
from tests.emulator.sail.checks.check import Check

AREAS: dict[str, list[Check]] = {
    "create": create.CHECKS,
    "changes": changes.CHECKS,
    "describe": describe.CHECKS,
    "dml": dml.CHECKS,
    "readwrite": readwrite.CHECKS,
    "frames": frames.CHECKS,
    "session": session.CHECKS,
    "streams": streams.CHECKS,
}
ALL: list[tuple[str, Check]] = [
    (f"{area}: {check.name}", check) for area, checks in AREAS.items() for check in checks
]
"""Every check by its name."""
