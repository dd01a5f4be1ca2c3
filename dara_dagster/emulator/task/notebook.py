"""Runs a notebook: its cells in order, in one namespace, magics included."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql.connect.dataframe import DataFrame

from dara_dagster.emulator.lake.paths import PathMap
from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.syntax.grammar import Pattern
from dara_dagster.emulator.sail.syntax.literals import bind
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, scan, split_statements, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally
from dara_dagster.emulator.task.cells import Cell, is_notebook, parse_cells
from dara_dagster.emulator.task.dbutils import DBUtils
from dara_dagster.emulator.task.dbutils.notebooks import resolve_notebook
from dara_dagster.emulator.task.display import display
from dara_dagster.emulator.task.packages import Installer
from dara_dagster.emulator.task.traces import SourceMap

__all__ = ["Notebook"]

_WIDGET = Pattern(
    "(create=(CREATE) | REMOVE) WIDGET [TEXT | DROPDOWN | COMBOBOX | MULTISELECT] <name:word> "
    "[DEFAULT <default:string>] <choices:rest>"
)
_RUN = re.compile(r"(?P<path>\"[^\"]+\"|'[^']+'|\S+)(?P<arguments>.*)", re.S)
_RUN_ARGUMENT = re.compile(r"\$(\w+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))")
_SUFFIXES = ("", ".py", ".sql", ".ipynb")
_INERT = {"md", "html", "md-sandbox", "javascript"}


class Notebook:
    """`path` is the notebook's place in the workspace, `file` the same on this disk."""

    def __init__(
        self,
        path: str,
        file: Path,
        spark: LocalSpark,
        dbutils: DBUtils,
        sources: SourceMap,
        names: dict[str, Any],
        installer: Installer,
    ) -> None:
        self._path = path
        self._file = file
        self._spark = spark
        self._dbutils = dbutils
        self._sources = sources
        self._names = names
        self._installer = installer
        self._paths: PathMap = spark.paths
        self._magics: dict[str, Callable[[Cell, str], None]] = {
            "python": self._python,
            "sql": self._sql,
            "run": self._run_other,
            "sh": self._shell,
            "fs": self._files,
            "pip": self._pip,
        }

    def run(self) -> None:
        """Run all cells; what a cell raises comes through, NotebookExit too."""
        shown = self._shown_path()
        for cell in parse_cells(self._file.read_text(encoding="utf-8")):
            if cell.language in _INERT:
                continue
            key = f"{shown} cell {cell.number}" if cell.own_lines else shown
            self._sources.add(key, shown, cell.source, cell.line, f"cell {cell.number}")
            magic = self._magics.get(cell.language)
            if magic is None:
                raise NotSupportedLocally(f"A %{cell.language} cell (cell {cell.number} of {shown})")
            magic(cell, key)
            sys.stdout.flush()

    def _shown_path(self) -> str:
        """Return the path with its ending, as the user knows the file."""
        return self._path if self._path.endswith(self._file.suffix) else self._path + self._file.suffix

    def _python(self, cell: Cell, key: str) -> None:
        source = "\n" * (cell.line - 1) + cell.source
        tree = ast.parse(source, key)
        last = tree.body[-1] if tree.body else None
        shows = isinstance(last, ast.Expr) and not cell.source.rstrip().endswith(";")
        if shows:
            tree.body.pop()
        # Without dont_inherit the user's annotations would become strings, as this file's are.
        exec(compile(tree, key, "exec", dont_inherit=True), self._names)  # noqa: S102
        if shows and isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), key, "eval", dont_inherit=True)
            value = eval(code, self._names)  # noqa: S307
            if value is not None:
                self._show(value)

    def _show(self, value: Any) -> None:
        # Spark Connect DataFrames print as their columns, as in a Databricks cell.
        print(value) if isinstance(value, DataFrame) else display(value)

    def _sql(self, cell: Cell, key: str) -> None:
        for text, line in split_statements(cell.source):

            def run(text: str = text) -> None:
                if not self._widget_statement(text):
                    frame = self._spark.sql(self._with_widgets(text))
                    self._names["_sqldf"] = frame
                    display(frame)

            self._sources.at_line(key, cell.line + line - 1, run)

    def _with_widgets(self, text: str) -> str:
        """Put the widgets' values in for `${name}`, as plain text, and for `:name`, as a string."""
        values = self._dbutils.widgets.getAll()

        text = re.sub(r"\$\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)
        tokens = scan(text).tokens
        edits = [
            Edit(mark.start, name.end, values[name.text])
            for mark, name in itertools.pairwise(tokens)
            if mark.text == "$" and mark.end == name.start and name.text in values
        ]
        return bind(apply(text, edits), values, strict=True) or text

    def _widget_statement(self, text: str) -> bool:
        match = _WIDGET.match(text)
        if match and match["create"]:
            self._dbutils.widgets.text(match["name"], unquote(match["default"] or "''"))
        elif match:
            self._dbutils.widgets.remove(match["name"])
        return match is not None

    def _run_other(self, cell: Cell, key: str) -> None:
        def run() -> None:
            match = _RUN.match(cell.source.strip())
            if match is None:
                raise ValueError("%run needs the path of a notebook.")
            path = resolve_notebook(unquote(match["path"]), self._path)
            values = {
                m[1]: next(v for v in m.groups()[1:] if v is not None)
                for m in _RUN_ARGUMENT.finditer(cell.source)
            }
            self._dbutils.widgets.give(values)
            file = self._find(path)
            Notebook(
                path, file, self._spark, self._dbutils, self._sources, self._names, self._installer
            ).run()

        self._sources.at_line(key, cell.line, run)

    def _find(self, path: str) -> Path:
        for suffix in _SUFFIXES:
            file = Path(self._paths.notebook(path) + suffix)
            if file.is_file():
                if is_notebook(file.read_text(encoding="utf-8")):
                    return file
                raise ValueError(
                    f"%run cannot run {path}{suffix}: it is a file, not a notebook (its first line is not "
                    "`# Databricks notebook source`). Import it instead."
                )
        raise FileNotFoundError(
            f"Notebook not found: {path}. Notebooks can be named by a relative or absolute path."
        )

    def _shell(self, cell: Cell, key: str) -> None:
        def run() -> None:
            command = self._paths.in_shell(cell.source)
            process = subprocess.Popen(
                ["/bin/bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="")
            if process.wait() and cell.source.lstrip().startswith("-e"):
                raise subprocess.CalledProcessError(process.returncode, "%sh -e")

        self._sources.at_line(key, cell.line, run)

    def _files(self, cell: Cell, key: str) -> None:
        def run() -> None:
            name, *arguments = shlex.split(cell.source)
            values = [
                {"true": True, "false": False}.get(argument.lower(), argument) for argument in arguments
            ]
            answer = getattr(self._dbutils.fs, name)(*values)
            for item in answer if isinstance(answer, list) else [answer]:
                print(item)

        self._sources.at_line(key, cell.line, run)

    def _pip(self, cell: Cell, key: str) -> None:
        """Run each line as a command of its own, as on Databricks; anything else below is Python."""
        first, _, rest = cell.source.partition("\n")
        lines = rest.split("\n")
        commands = [first, *(m[1] for line in lines if (m := re.match(r"\s*%pip\s+(.*)", line)))]

        def run() -> None:
            for command in commands:
                self._pip_command(shlex.split(command, comments=True))

        self._sources.at_line(key, cell.line, run)
        below = "\n".join("" if line.lstrip().startswith(("%", "#")) else line for line in lines)
        if below.strip():
            self._python(Cell(cell.number, "python", below, cell.line + 1, cell.own_lines), key)

    def _pip_command(self, words: list[str]) -> None:
        if words[:1] != ["install"]:
            raise NotSupportedLocally(f"%pip {' '.join(words[:1])}")
        new = self._installer.install(words[1:])
        print(f"Installed for this task: {' '.join(new)}" if new else "Requirement already satisfied.")
