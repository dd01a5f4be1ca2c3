"""Steps of a user's own, named by a workflow file in the tests."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

from dara_dagster.defs.steps.context import StepContext
from dara_dagster.defs.steps.pipeline import Step


class CountLines(Step):
    """Leaves the number of lines of the file that started the run."""

    def execute(self, context: StepContext) -> StepContext:
        assert context.file is not None
        return context.leave(self.name, lines=len(Path(context.file).read_text().splitlines()))


class MakeFile(Step):
    """Writes a file into a folder and leaves its path."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def execute(self, context: StepContext) -> StepContext:
        file = Path(self.folder, "made.csv")
        file.write_text("made")
        return context.leave(self.name, made=str(file))


class FailUnless(Step):
    """Fails until a marker file is there."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def execute(self, context: StepContext) -> StepContext:
        if not Path(self.marker).exists():
            raise ValueError(f"no {self.marker}")
        return context


class Leave(Step):
    """Leaves something that is hard to show, or to hand on."""

    def __init__(self, what: str) -> None:
        self.what = what

    def execute(self, context: StepContext) -> StepContext:
        circle: list[Any] = []
        circle.append(circle)
        things = {
            "number": 1,
            "bytes": b"\xff",
            "circle": circle,
            "nan": float("nan"),
            "huge": "x" * 10_000_000,
            "rows": [["x" * 100] * 100] * 1_000,
            "lock": threading.Lock(),
            "function": lambda: None,
        }
        return context.leave(self.name, thing=things[self.what])


class Exit(Step):
    """Ends as scripts do."""

    def execute(self, context: StepContext) -> StepContext:
        sys.exit(3)


class Forget(Step):
    """Does not return the context."""

    def execute(self, context: StepContext) -> StepContext:
        context.values["thing"] = 1
        return None  # type: ignore[return-value]


class Later(Step):
    """Asynchronous: leaves the loop it ran on."""

    async def execute(self, context: StepContext) -> StepContext:
        await asyncio.sleep(0)
        return context.leave(self.name, loop=id(asyncio.get_running_loop()))


class FailLater(Step):
    """Asynchronous: fails."""

    async def execute(self, context: StepContext) -> StepContext:
        await asyncio.sleep(0)
        raise ValueError("not today")


class WaitForever(Step):
    """Asynchronous: says that it has begun, and, when it is cancelled, that it has ended."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    async def execute(self, context: StepContext) -> StepContext:
        (self.folder / "begun").touch()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            (self.folder / "ended").touch()
        return context
