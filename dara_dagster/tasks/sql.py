"""A SQL file: a `sql_task` on a warehouse; parameters are its markers (`:name`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dara_dagster.config.plan import TaskPlan
from dara_dagster.tasks.default_tables import BOM, TITLE
from dara_dagster.tasks.kind import FileTask


class Sql(FileTask):
    """A SQL file on a warehouse."""

    payload_type = "sql_task"
    takes_undeclared = True
    leaves_output = False

    def payload(
        self, task: TaskPlan, path: str | None, parameters: Mapping[str, str], warehouse_id: Any
    ) -> dict[str, Any]:
        file = {"path": path, "source": "WORKSPACE"}
        return {"file": file, "warehouse_id": warehouse_id, "parameters": dict(parameters)}

    def is_form_of(self, path: Path, content: bytes, *, is_task: bool) -> bool:
        return path.suffix.lower() == ".sql"

    def choose_tables(self, path: Path, content: bytes, statements: Sequence[str]) -> bytes:
        lines = [f"-- {TITLE}", *(f"{statement};" for statement in statements), ""]
        return "\n".join(lines).encode() + content.removeprefix(BOM)
