"""Folders as clumsy users have them: a project that starts its own local workspace, commands run in it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dara_dagster.workspace.emulator_process import emulator_status
from tests.support.forked import Forked
from tests.support.waiting import PATIENCE

NOTEBOOK = "# Databricks notebook source\n"
_DROPPED = ("DARA_", "DAGSTER_", "DATABRICKS_")


class Place:
    """A project folder of its own, with or without a workspace named in the environment."""

    def __init__(self, root: Path, **environ: str) -> None:
        self.root = root
        outer = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
        # Nobody's profile: the HOME of whoever runs the tests may hold one.
        self.environ = {**outer, "HOME": str(root), **environ}
        self._commands: list[Forked] = []

    def write(self, name: str, content: Any) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    def workflow(self, files: Mapping[str, str], **options: Any) -> None:
        """A workflow `flow` of these task files (name with ending -> text), none waiting for another."""
        tasks = []
        for name, text in files.items():
            self.write(f"config/notebooks/{name}", text)
            stem, _, ending = name.rpartition(".")
            tasks.append({"file_name": stem, "format": ending, **options.pop(stem, {})})
        self.write("config/dependency.json", {"name": "flow", "tasks": tasks, **options})
        self.write("config/project.json", {"name": "place", "notebooks": "notebooks"})

    def start(self, *arguments: str, **environ: str) -> Forked:
        log = self.root / f"command-{len(self._commands)}.log"
        command = Forked(self.root, {**self.environ, **environ}, arguments, log=log)
        self._commands.append(command)
        return command

    def dara(self, *arguments: str, code: int = 0, **environ: str) -> str:
        """What `dara ARGUMENTS` prints, stdout and stderr; the test fails at another exit code."""
        command = self.start(*arguments, **environ)
        found = command.wait(PATIENCE)
        assert found == code, f"exit {found}\n{command.text}"
        assert (
            'File "/' not in command.text.replace('File "/Workspace/', "") and "File '<" not in command.text
        )
        return command.text

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.dara(*arguments, "--json", code=code))

    @property
    def emulator_pid(self) -> int:
        running = emulator_status(self.root, {})
        assert running is not None
        return running.pid

    def clear(self) -> None:
        """End what still runs."""
        for command in self._commands:
            command.kill()
        running = emulator_status(self.root, {})
        if running is not None:
            os.kill(running.pid, signal.SIGTERM)
