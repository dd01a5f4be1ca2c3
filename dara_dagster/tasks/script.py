"""A Python file that is no notebook: a `spark_python_task`; parameters are its arguments, `--name=value`."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dara_dagster.config.plan import TaskPlan
from dara_dagster.tasks.default_tables import TITLE, python_calls
from dara_dagster.tasks.kind import FileTask, arguments


class Script(FileTask):
    """A Python file on a cluster or on serverless compute."""

    payload_type = "spark_python_task"
    leaves_output = False

    def payload(
        self, task: TaskPlan, path: str | None, parameters: Mapping[str, str], warehouse_id: Any
    ) -> dict[str, Any]:
        return {"python_file": path, "source": "WORKSPACE", "parameters": arguments(parameters)}

    def is_form_of(self, path: Path, content: bytes, *, is_task: bool) -> bool:
        return is_task and path.suffix == ".py"

    def choose_tables(self, path: Path, content: bytes, statements: Sequence[str]) -> bytes:
        """Put before the first statement; a docstring and imports from `__future__` must come first.

        Where another file imports the script, nothing is chosen.
        """
        try:
            text = content.decode("utf-8-sig")
            body = ast.parse(text).body
            lines = text.splitlines(keepends=True)
            lines[_first_line(body, len(lines)) :] = [
                f'# {TITLE}\nif __name__ == "__main__":\n    from pyspark.sql import SparkSession\n\n',
                *(f"    {call}\n" for call in python_calls("SparkSession.builder.getOrCreate()", statements)),
                *lines[_first_line(body, len(lines)) :],
            ]
            ast.parse("".join(lines))
        except (ValueError, SyntaxError, RecursionError):
            return content
        return "".join(lines).encode()


def _first_line(body: Sequence[ast.stmt], end: int) -> int:
    """Return the index of the line of the first statement that need not come first."""
    for index, node in enumerate(body):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not is_future and not (index == 0 and is_text):
            decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
            return min([node.lineno, *(one.lineno for one in decorators)]) - 1
    return end
