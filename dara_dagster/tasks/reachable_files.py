"""Tells which files of a folder the code of some tasks may reach: by `%run`, import, call or name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from dara_dagster.config.plan import TaskPlan

_WORD = re.compile(r"\w+")
# Code that makes up at run time what it reaches: then nothing can be known, and everything may be reached.
_UNKNOWN = re.compile(
    r"""importlib|__import__|runpy|listdir|iterdir|scandir|\bglob\b|os\.walk
    |\b(?:exec|eval|compile)\s*\(
    |notebook\s*\.\s*run(?:_notebook)?\s*\(\s*(?!["'])
    |notebook\s*\.\s*run\b(?!\s*\()
    |%run\s+[^\n]*\$""",
    re.VERBOSE,
)


class Reach:
    """What the texts seen so far may reach.

    Generous: a file is reached when every word of its name, or of the name of a folder it lies in, stands
    anywhere in a text. That holds for `%run ./lib/names`, `import lib.names`, `from lib import names`,
    `dbutils.notebook.run("names")` and `open("names.csv")`, and sometimes for a file that nobody needs.
    """

    def __init__(self, *, everything: bool = False) -> None:
        self._words: set[str] = set()
        self._everything = everything
        self._packages: set[Path] = set()

    def see_tasks(self, tasks: Iterable[TaskPlan]) -> None:
        """Take in what the tasks say beside their code: payloads, parameters, libraries."""
        for task in tasks:
            written = [
                dict(task.entry.task or {}),
                dict(task.parameters),
                [dict(one) for one in task.libraries],
            ]
            self._words.update(_WORD.findall(json.dumps(written, default=str)))

    def see(self, content: bytes, file: Path) -> None:
        """Take in the code of a file; what is no text reaches nothing."""
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return
        if file.suffix == ".ipynb":
            text = text.replace("\\n", "\n").replace('\\"', '"')
        self._words.update(_WORD.findall(text))
        self._packages.update(file.parents)
        self._everything = self._everything or _UNKNOWN.search(text) is not None

    def covers(self, file: Path, folder: Path) -> bool:
        """Return whether the texts may reach `file`, which lies somewhere in `folder`."""
        if self._everything or (file.stem == "__init__" and file.parent in self._packages):
            return True
        inside = file.relative_to(folder)
        return any(
            self._names(name) for name in (inside.stem, file.name.partition(".")[0], *inside.parts[:-1])
        )

    def _names(self, name: str) -> bool:
        words = _WORD.findall(name)
        return bool(words) and self._words.issuperset(words)
