"""dbutils.jobs.taskValues: small JSON values that tasks of one job run hand each other through its folder."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Jobs", "TaskValues"]

# Documented limit of one value's JSON (Databricks: "Share information between tasks").
_MAX_BYTES = 48 * 1024


class TaskValues:
    """The values of a task lie in <run_dir>/task_values/<task key, quoted>.json as {key: value}."""

    def __init__(self, run_dir: str, task_key: str) -> None:
        self._folder = Path(run_dir) / "task_values"
        self._task_key = task_key
        self._lock = threading.Lock()

    def _file(self, task_key: str) -> Path:
        return self._folder / f"{quote(task_key, safe='')}.json"

    def _read(self, task_key: str) -> dict[str, Any]:
        file = self._file(task_key)
        content: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return content

    def set(self, key: str, value: Any) -> None:
        """Raise TypeError for what JSON cannot hold, ValueError for more than 48 KiB."""
        if len(json.dumps(value).encode()) > _MAX_BYTES:
            raise ValueError(f"The task value {key!r} is larger than 48 KiB.")
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = self._folder / f".{uuid.uuid4().hex}"
            partial.write_text(json.dumps({**self._read(self._task_key), key: value}))
            partial.replace(self._file(self._task_key))

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """Return a value set by another task of this run; a None default counts as missing. Raises ValueError
        without value.
        """
        values = self._read(taskKey)
        if key in values:
            return values[key]
        if default is None:
            raise ValueError(f"No task value with key {key!r} was set by task {taskKey!r} of this run.")
        return default


class Jobs:
    def __init__(self, run_dir: str, task_key: str) -> None:
        self.taskValues = TaskValues(run_dir, task_key)
