"""Drives the real fork server: writes spec files, starts tasks, waits for their end, reads result and log."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE


@dataclass(frozen=True)
class Ended:
    """A task that has ended; `result` is {} when it wrote none."""

    status: int
    result: dict[str, Any]
    log: str

    @property
    def error(self) -> str:
        return str(self.result.get("error"))

    @property
    def trace(self) -> str:
        return str(self.result.get("error_trace"))


class Tasks:
    """A fork server with its own workspace below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables = folder / "tables"
        self.workspace = folder / "workspace"
        self.replies: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._count = 0
        (self.workspace / "Shared").mkdir(parents=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dara_dagster.emulator.task"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.replies.append(json.loads(line))
                self._news.notify_all()

    def reply(self, **wanted: Any) -> dict[str, Any]:
        """The reply that has these values, waited for."""

        def found() -> dict[str, Any] | None:
            return next((r for r in self.replies if all(r.get(k) == v for k, v in wanted.items())), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, PATIENCE), (wanted, self.replies)
            answer = found()
        assert answer is not None
        return answer

    def file(self, name: str, text: str) -> str:
        """Writes a workspace file and returns its workspace path."""
        place = self.workspace / "Shared" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(textwrap.dedent(text))
        return f"/Workspace/Shared/{name}"

    def start(self, kind: str, path: str = "", **values: Any) -> str:
        """Starts a task and returns its spec file; `wait` gives its end."""
        self._count += 1
        name = f"task{self._count}"
        local = self.workspace / path.removeprefix("/Workspace/") if path.startswith("/Workspace/") else None
        spec = {
            "kind": kind,
            "path": path,
            "file": str(local) if local else None,
            "tables": str(self.tables),
            "workspace": str(self.workspace),
            "run_dir": str(self.folder / "run"),
            "task_key": name,
            "run_id": self._count,
            "log": str(self.folder / f"{name}.log"),
            "result": str(self.folder / f"{name}.json"),
            **values,
        }
        file = self.folder / f"{name}.spec"
        file.write_text(json.dumps(spec))
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"start": str(file)}) + "\n")
        self.process.stdin.flush()
        return str(file)

    def pid(self, spec: str) -> int:
        return int(self.reply(started=spec)["pid"])

    def wait(self, spec: str) -> Ended:
        status = self.reply(exited=self.pid(spec))["status"]
        result, log = Path(spec).with_suffix(".json"), Path(spec).with_suffix(".log")
        content = json.loads(result.read_text()) if result.exists() else {}
        return Ended(status, content, log.read_text() if log.exists() else "")

    def run(self, kind: str, path: str = "", **values: Any) -> Ended:
        return self.wait(self.start(kind, path, **values))

    def script(self, text: str, **values: Any) -> Ended:
        return self.run("script", self.file(f"script{self._count}.py", text), **values)

    def notebook(self, *cells: str, **values: Any) -> Ended:
        """Runs a notebook of Python cells; a cell that starts with % is a magic."""
        return self.run("notebook", self.notebook_file(f"notebook{self._count}.py", *cells), **values)

    def notebook_file(self, name: str, *cells: str) -> str:
        return self.file(name, notebook_source(*cells))

    def stop(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self._listener.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def notebook_source(*cells: str) -> str:
    def block(cell: str) -> str:
        text = textwrap.dedent(cell).strip("\n")
        return "\n".join(f"# MAGIC {line}" for line in text.split("\n")) if text.startswith("%") else text

    body = "\n\n# COMMAND ----------\n\n".join(block(cell) for cell in cells)
    return f"# Databricks notebook source\n{body}\n"
