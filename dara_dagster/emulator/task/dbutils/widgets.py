"""dbutils.widgets: a task's parameters by name, with the defaults a notebook declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["InputWidgetNotDefined", "Widgets"]


class InputWidgetNotDefined(ValueError):
    """A widget that was neither declared nor given as a parameter."""


class Widgets:
    """Values are strings. A parameter of the run wins over a declared default and needs no declaration."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._given = {name: "" if value is None else str(value) for name, value in parameters.items()}
        self._declared: dict[str, str] = {}

    def text(self, name: str, defaultValue: str = "", label: str | None = None) -> None:
        self._declared[name] = str(defaultValue)

    def dropdown(
        self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None
    ) -> None:
        self._declare(name, [defaultValue], choices)

    def combobox(
        self, name: str, defaultValue: str, choices: Sequence[str] = (), label: str | None = None
    ) -> None:
        self._declared[name] = str(defaultValue)

    def multiselect(
        self, name: str, defaultValue: str, choices: Sequence[str], label: str | None = None
    ) -> None:
        self._declare(name, str(defaultValue).split(","), choices)

    def _declare(self, name: str, defaults: Sequence[str], choices: Sequence[str]) -> None:
        allowed = [str(choice) for choice in choices]
        unknown = [value for value in defaults if str(value) not in allowed]
        if unknown:
            raise ValueError(
                f"The default value {unknown[0]!r} of widget {name} is not one of its choices: "
                f"{', '.join(allowed)}."
            )
        self._declared[name] = ",".join(str(value) for value in defaults)

    def get(self, name: str) -> str:
        values = self.getAll()
        if name not in values:
            raise InputWidgetNotDefined(f"No input widget named {name} is defined")
        return values[name]

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:
        values = self.getAll()
        return values[name] if name in values or defaultValue is None else str(defaultValue)

    def getAll(self) -> dict[str, str]:
        return {**self._declared, **self._given}

    def remove(self, name: str) -> None:
        self._declared.pop(name, None)

    def removeAll(self) -> None:
        self._declared.clear()

    def give(self, values: Mapping[str, str]) -> None:
        """Set values as `%run ./other $name="value"` does."""
        self._given.update(values)
