"""A step of the example's own: checks a CSV file before it is sent anywhere."""

from __future__ import annotations

import csv
from pathlib import Path

from dara_dagster import DaraError, Step, StepContext

__all__ = ["CheckCsv"]


class CheckCsv(Step):
    """Fails when the file that started the run is no CSV file with a header; leaves its `columns`."""

    def execute(self, context: StepContext) -> StepContext:
        if not context.file:
            raise DaraError("which file? Give the run the parameter file: --param file=PATH.")
        file = Path(context.file)
        with file.open(newline="") as lines:
            header = next(csv.reader(lines), [])
        if len(set(filter(None, header))) < max(len(header), 1):
            raise ValueError(f"{file.name} needs a header line that names every column once, not {header}")
        return context.leave(self.name, columns=header)
