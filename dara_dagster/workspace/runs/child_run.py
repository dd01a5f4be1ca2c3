"""The record of a notebook run that a task started by `dbutils.notebook.run`, as the event log keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

__all__ = ["NotebookRun", "NotebookRuns"]


@dataclass(frozen=True)
class NotebookRun:
    """One notebook run, started `after_seconds` after the Databricks run of its task.

    `seconds` is its whole time, `setup_seconds` and `execution_seconds` are parts of it, all by the clock of
    Databricks. `code` is the termination code. `depth` is 1 for a notebook that the task's own code started,
    2 for one that this notebook started, and so on.
    """

    name: str
    run_id: int
    state: Literal["success", "failed", "cancelled", "running"]
    code: str
    after_seconds: float
    seconds: float
    setup_seconds: float
    execution_seconds: float
    depth: int = 1
    url: str = ""


@dataclass(frozen=True)
class NotebookRuns:
    """The notebook runs of one task in the order of their start; `more` counts those that were left out."""

    runs: tuple[NotebookRun, ...] = ()
    more: int = 0

    def as_text(self) -> str:
        """Return the same as JSON text; "" for none."""
        return json.dumps(asdict(self)) if self.runs else ""

    @staticmethod
    def from_text(text: str) -> NotebookRuns:
        """Return what `as_text` wrote, also in another version of this package; nothing for what is not
        that."""
        try:
            stored = json.loads(text) if text else {}
            runs = tuple(NotebookRun(**_known(run)) for run in stored.get("runs", ()))
            return NotebookRuns(runs, int(stored.get("more", 0)))
        except (ValueError, TypeError, AttributeError):
            return NotebookRuns()


def _known(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: stored[one.name] for one in fields(NotebookRun) if one.name in stored}
