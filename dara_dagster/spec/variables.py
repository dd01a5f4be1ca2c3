"""Fills in the user's files: `${name}` from the parameters files, `${env.NAME}` from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dara_dagster.errors import Problem
from dara_dagster.spec.document import Array, Document, KeyPath, Object
from dara_dagster.spec.names import Names

# `$${name}` stands for the text `${name}`.
_REFERENCE = re.compile(r"(\$?)\$\{([^{}]*)\}")
_ENV = "env."
_MAX_DEPTH = 50
# Filled in while a step pipeline runs, from its StepContext.
_CONTEXT = "context."


class _Unknown(Exception):
    """A reference that cannot be filled in: what is wrong with it and what to do."""

    def __init__(self, wrong: str, remedy: str) -> None:
        super().__init__(wrong)
        self.wrong, self.remedy = wrong, remedy


class Variables:
    """The values of all names. A value is put in as it is, never looked at or run as code.

    `redactions` collects which text came from the environment, for problems to leave it out.
    """

    def __init__(self, values: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._values, self._environ = values, environ
        self.redactions: dict[str, str] = {}

    def fill(self, document: Document) -> list[Problem]:
        """Replaces every reference in the document's texts, in place; gives the problems of unknown ones."""
        document.redactions = self.redactions
        if "${" not in document.text:
            return []
        problems: list[Problem] = []
        later = isinstance(document.value, dict) and "steps" in document.value
        root: list[Any] = [document.value]
        self._fill_items(root, 0, document, (), problems, later)
        document.value = root[0]
        return problems

    def _fill_items(
        self, holder: Any, key: Any, document: Document, path: KeyPath, problems: list[Problem], later: bool
    ) -> None:
        value = holder[key]
        if isinstance(value, str) and "${" in value:
            try:
                holder[key] = self._expand(value, (), later)
            except _Unknown as error:
                problems.append(document.problem(path, error.wrong, error.remedy))
        elif isinstance(value, Object | Array):
            for inner in list(value) if isinstance(value, Object) else range(len(value)):
                self._fill_items(value, inner, document, (*path, inner), problems, later)

    def _expand(self, text: str, within: tuple[str, ...], later: bool = False) -> Any:
        """The text with its references replaced; a text that is one reference takes the value's own kind."""
        whole = _REFERENCE.fullmatch(text)
        if whole and not whole.group(1) and not (later and whole.group(2).strip().startswith(_CONTEXT)):
            return self._value(whole.group(2).strip(), within)

        def put(match: re.Match[str]) -> str:
            name = match.group(2).strip()
            if match.group(1):
                return match.group()[1:]
            if later and name.startswith(_CONTEXT):
                return match.group()
            value = self._value(name, within)
            return str(value).lower() if isinstance(value, bool) else str(value)

        return _REFERENCE.sub(put, text)

    def _value(self, name: str, within: tuple[str, ...]) -> Any:
        if name.startswith(_ENV):
            return self._from_environment(name)
        if name in within:
            circle = " -> ".join([*within[within.index(name) :], name])
            raise _Unknown(
                f"the parameters refer to each other in a circle: {circle}", "Give one of them a value."
            )
        if len(within) == _MAX_DEPTH:
            raise _Unknown(
                f"the parameters refer to each other more than {_MAX_DEPTH} deep", "Write them flatter."
            )
        value = self._look_up(name)
        if isinstance(value, str) and "${" in value:
            value = self._expand(value, (*within, name))
        if value is None or isinstance(value, list | dict):
            kind = "null" if value is None else "a list" if isinstance(value, list) else "an object"
            raise _Unknown(f"${{{name}}} is {kind}", "Only text, numbers and true or false can be put in.")
        return value

    def _look_up(self, name: str) -> Any:
        """The parameter of that name, or at that path: `db.catalog` is also `{"db": {"catalog": ...}}`."""
        if name in self._values:
            return self._values[name]
        node: Any = self._values
        for part in name.split("."):
            if not isinstance(node, Mapping) or part not in node:
                hint = Names(self._values).remedy(name, "parameters")
                remedy = f"{hint} Add it to parameters.json, or write $${{{name}}} for this very text."
                raise _Unknown(f"${{{name}}} has no value", remedy)
            node = node[part]
        return node

    def _from_environment(self, name: str) -> str:
        variable = name.removeprefix(_ENV)
        if variable not in self._environ:
            near = Names(self._environ).nearest(variable)
            hint = f"Did you mean '{near}'?" if near else f"Set {variable} before you start."
            raise _Unknown(f"the environment has no {variable}", hint)
        value = self._environ[variable]
        if value:
            self.redactions[value] = f"${{{name}}}"
        return value
