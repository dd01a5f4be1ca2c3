"""A notebook, in source form or as `.ipynb`: a `notebook_task`; parameters are its widgets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dara_dagster.config.plan import TaskPlan
from dara_dagster.config.task_files import notebook_language
from dara_dagster.tasks.default_tables import BOM, TITLE, python_calls
from dara_dagster.tasks.kind import FileTask

_COMMENTS: Mapping[str, str] = {"PYTHON": "#", "SCALA": "//", "R": "#"}


class Notebook(FileTask):
    """A notebook on a cluster or on serverless compute; its exit value is what it leaves."""

    payload_type = "notebook_task"
    takes_undeclared = True

    def payload(
        self, task: TaskPlan, path: str | None, parameters: Mapping[str, str], warehouse_id: Any
    ) -> dict[str, Any]:
        payload = {"notebook_path": path, "source": "WORKSPACE", "base_parameters": dict(parameters)}
        return payload if warehouse_id is None else {**payload, "warehouse_id": warehouse_id}

    def is_form_of(self, path: Path, content: bytes, *, is_task: bool) -> bool:
        return path.suffix == ".ipynb" or notebook_language(path, content) != ""

    def choose_tables(self, path: Path, content: bytes, statements: Sequence[str]) -> bytes:
        """Put in a first cell; in another language a `%python` cell, which has the same session."""
        if path.suffix == ".ipynb":
            return _in_jupyter(content, statements)
        language = notebook_language(path, content)
        comment = _COMMENTS[language]
        first, _, rest = content.removeprefix(BOM).partition(b"\n")
        lines = [f"# {TITLE}", *python_calls("spark", statements)]
        if language != "PYTHON":
            lines = [f"{comment} MAGIC {line}" for line in ("%python", *lines)]
        return first + "\n".join(["", *lines, "", f"{comment} COMMAND ----------", ""]).encode() + rest


def _in_jupyter(content: bytes, statements: Sequence[str]) -> bytes:
    try:
        notebook = json.loads(content)
        cells, metadata = list(notebook["cells"]), notebook.get("metadata") or {}
        other = str((metadata.get("kernelspec") or {}).get("language") or "python").lower() != "python"
        lines = [*(["%python"] if other else []), f"# {TITLE}", *python_calls("spark", statements)]
        cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        cell["source"] = "\n".join(lines)
        if (notebook.get("nbformat") or 4, notebook.get("nbformat_minor") or 0) >= (4, 5):
            cell["id"] = "project-defaults"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return content  # no notebook: its import says so
    return json.dumps({**notebook, "cells": [cell, *cells]}, ensure_ascii=False).encode()
