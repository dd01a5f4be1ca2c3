"""Steps of a user's own, named by a workflow file in the tests."""

from __future__ import annotations

from pathlib import Path

from dara_dagster.defs.steps import Step, StepContext


class CountLines(Step):
    """Leaves the number of lines of the file that started the run."""

    def execute(self, context: StepContext) -> StepContext:
        assert context.file is not None
        return context.leave(self.name, lines=len(Path(context.file).read_text().splitlines()))


class FailUnless(Step):
    """Fails until a marker file is there."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def execute(self, context: StepContext) -> StepContext:
        if not Path(self.marker).exists():
            raise ValueError(f"no {self.marker}")
        return context
