"""Fills in the user's files: `${name}` from the parameters files, `${env.NAME}` from the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dara_dagster.config.dialects.step_values import PREFIX
from dara_dagster.config.fields import is_text
from dara_dagster.config.json_source import Array, Document, KeyPath, Object
from dara_dagster.config.spec import Unfilled
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.errors import Problem, shortened

# `$${name}` stands for the text `${name}`.
_REFERENCE = re.compile(r"(\$?)\$\{([^{}]*)\}")
_ENV = "env."
_MAX_DEPTH = 50
# What is filled in later, by the first key of its place: from the StepContext while a step pipeline runs,
# and for each STEP that an executor runs.
_LATER = {"steps": "context.", "executors": PREFIX}


class _Unknown(Exception):
    """A reference that cannot be filled in: what is wrong with it and what to do.

    `inside` is true when it stands in the value of a parameter, not in the text that is filled in.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint, self.inside = message, hint, False


class Variables:
    """The values of all names. A value is put in as it is, never parsed or run as code.

    `redactions` collects which text came from the environment, for problems to leave it out;
    `unfilled` the places (file and key) of texts that could not be filled in, with the problem found there.
    """

    def __init__(self, values: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._values, self._environ = values, environ
        self.redactions: dict[str, str] = {}
        self.unfilled: Unfilled = {}

    def fill(self, document: Document, *, parameters: bool = False) -> list[Problem]:
        """Replace every reference in the document's texts, in place; gives the problems of unknown ones.

        A reference that is wrong inside the value of a parameter is reported where that parameter is
        declared (`parameters` is true for such files), and not again wherever it is used.
        """
        document.redactions = self.redactions
        if "${" not in document.text:
            return []
        found: list[tuple[KeyPath, _Unknown]] = []
        root: list[Any] = [document.value]
        self._fill_items(root, 0, (), found)
        document.value = root[0]
        problems: list[Problem] = []
        for path, error in found:
            problem = document.problem(path, error.message, error.hint)
            is_reported = parameters or not error.inside
            problems += [problem] if is_reported else []
            self.unfilled[problem.file, problem.key] = problem if is_reported else None
        return problems

    def _fill_items(
        self, holder: Any, key: Any, path: KeyPath, found: list[tuple[KeyPath, _Unknown]]
    ) -> None:
        value = holder[key]
        if isinstance(value, str) and "${" in value:
            try:
                holder[key] = self._expand(value, (), later=_LATER.get(str(path[0])) if path else None)
            except _Unknown as error:
                found.append((path, error))
        elif isinstance(value, Object | Array):
            for inner in list(value) if isinstance(value, Object) else range(len(value)):
                self._fill_items(value, inner, (*path, inner), found)

    def _expand(self, text: str, within: tuple[str, ...], later: str | None = None) -> Any:
        """Return the text with its references replaced; a text that is one reference takes the value's own
        kind.

        What begins with `later` stays as it is.
        """

        def stays(name: str) -> bool:
            return later is not None and name.startswith(later)

        whole = _REFERENCE.fullmatch(text)
        if whole and not whole.group(1) and not stays(whole.group(2).strip()):
            return self._value(whole.group(2).strip(), within)

        def put(match: re.Match[str]) -> str:
            name = match.group(2).strip()
            if stays(name) and (later == PREFIX or not match.group(1)):
                return match.group()  # `$${step.x}` is recognised when the STEP is put in
            if match.group(1):
                return match.group()[1:]
            value = self._value(name, within)
            return str(value).lower() if isinstance(value, bool) else str(value)

        return _REFERENCE.sub(put, text)

    def _value(self, name: str, within: tuple[str, ...]) -> Any:
        if name.startswith(_ENV):
            return self._from_environment(name)
        if name in within:
            cycle = " -> ".join([*within[within.index(name) :], name])
            raise _Unknown(
                f"the parameters refer to each other in a cycle: {cycle}", "Give one of them a value."
            )
        if len(within) == _MAX_DEPTH:
            raise _Unknown(
                f"the parameters refer to each other more than {_MAX_DEPTH} deep", "Write them flatter."
            )
        value = self._look_up(name)
        if isinstance(value, str) and "${" in value:
            try:
                value = self._expand(value, (*within, name))
            except _Unknown as error:
                error.inside = True
                raise
        if value is None or isinstance(value, list | dict):
            kind = "null" if value is None else "a list" if isinstance(value, list) else "an object"
            raise _Unknown(f"${{{name}}} is {kind}", "Only text, numbers and true or false can be put in.")
        return value

    def _look_up(self, name: str) -> Any:
        """Return the parameter of that name, or at that path: `db.catalog` is also `{"db": {"catalog":
        ...}}`."""
        if name in self._values:
            return self._values[name]
        node: Any = self._values
        for part in name.split("."):
            if not isinstance(node, Mapping) or part not in node:
                known = Suggestions(_dotted(self._values)).hint(name, "parameters")
                written = f"${{{shortened(name)}}}"
                hint = f"{known} Add it to parameters.json, or write ${written} for this very text."
                raise _Unknown(f"{written} has no value", hint)
            node = node[part]
        return node

    def _from_environment(self, name: str) -> str:
        variable = name.removeprefix(_ENV)
        if variable not in self._environ:
            near = Suggestions(self._environ).nearest(variable)
            hint = f"Did you mean '{near}'?" if near else "Set it before you start."
            raise _Unknown(f"the environment has no {shortened(variable)}", hint)
        value = self._environ[variable]
        if not is_text(value):
            raise _Unknown(f"{shortened(variable)} in the environment is not UTF-8 text", "Set it to text.")
        if value:
            self.redactions[value] = f"${{{name}}}"
        return value


def _dotted(values: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """Yield the names of all that can be put in: `db.catalog`, not `db`, and nothing of the executors."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            if within or key != "executors":
                yield from _dotted(value, f"{within}{key}.")
        elif value is not None and not isinstance(value, list):
            yield within + key
