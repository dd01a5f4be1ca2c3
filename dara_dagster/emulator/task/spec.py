"""Declares what a task process is given and what it answers: two JSON files."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = ["TaskResult", "TaskSpec"]


@dataclass(frozen=True)
class TaskSpec:
    """One task. `kind` is notebook, script, sql, statement or wheel.

    `path` is the place as the user wrote it (`/Workspace/...`), `file` the same on this disk. A wheel has its
    file in `file`, the package in `path` and the entry point in `text`; a statement has its SQL in `text`.
    `packages` are arguments of `pip install`: the task's libraries and the dependencies of its environment.
    """

    kind: str
    tables: str
    workspace: str
    run_dir: str
    log: str
    result: str
    path: str = ""
    file: str | None = None
    text: str | None = None
    parameters: Mapping[str, Any] | list[str] = field(default_factory=dict)
    task_key: str = "task"
    run_id: int = 0
    job_run_id: int = 0
    job_id: int = 0
    user: str = "user@localhost"
    catalog: str | None = None
    schema: str | None = None
    cluster_id: str | None = None
    secrets: str | None = None
    packages: list[str] = field(default_factory=list)
    env: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    token: str = ""
    row_limit: int | None = None

    @classmethod
    def read(cls, path: str | Path) -> TaskSpec:
        """Return the spec in a file; keys this version does not know are ignored. Raises OSError, ValueError,
        TypeError.
        """
        content = json.loads(Path(path).read_text())
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in content.items() if key in known})

    @property
    def named_parameters(self) -> dict[str, Any]:
        """Return the parameters by name; a list (argv) has none."""
        return dict(self.parameters) if isinstance(self.parameters, Mapping) else {}

    @property
    def arguments(self) -> list[str]:
        """Return the parameters as argv; a mapping becomes `--name=value` (as named_parameters of a wheel
        do)."""
        if isinstance(self.parameters, Mapping):
            return [f"--{name}={value}" for name, value in self.parameters.items()]
        return [str(value) for value in self.parameters]


@dataclass
class TaskResult:
    """How a task ended. `rows` are strings and nulls as in the JSON_ARRAY format of SQL statements.

    `lost` says why the code could not be run, with the termination `code` of the Jobs API.
    """

    ok: bool
    exit_value: str | None = None
    error: str | None = None
    error_trace: str | None = None
    columns: list[list[str]] | None = None
    rows: list[list[str | None]] | None = None
    truncated: bool = False
    tables: dict[str, int | None] = field(default_factory=dict)
    lost: str = ""
    code: str = ""

    def write(self, path: str | Path) -> None:
        """Write the result as a whole or not at all."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(target)
