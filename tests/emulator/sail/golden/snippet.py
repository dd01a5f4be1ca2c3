"""Snippets, the answers that engines give to them, and how two answers are compared."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ANSWERS = HERE / "answers"
_ROOT = HERE.parents[3]
BY_DOCUMENTATION = (
    "databricks",
    "delta",
)  # not to be had from Apache Spark: written by hand, with the source
_MODULES = ("frames_values", "frames_columns", "frames_calls", "frames_lambdas", "functions", "notebooks")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{12,}")  # a double as text, of describe()
_CLASS = re.compile(r"\[([A-Z][A-Z_.0-9]+)\]")


@dataclass(frozen=True)
class Snippet:
    """A question to a session: SQL statements, the last of which answers, or a function."""

    topic: str
    name: str
    ask: Callable[[Any], Any]
    is_ordered: bool = True
    """Whether the order of the rows is part of the answer."""

    @property
    def key(self) -> str:
        return f"{self.topic}: {self.name}"


def fixtures(spark: Any) -> None:
    """Makes the views that the snippets read."""
    for statement in statements((HERE / "snippets" / "fixtures.sql").read_text()):
        spark.sql(statement)


def load() -> list[Snippet]:
    """All snippets, by topic."""
    found: list[Snippet] = []
    for file in sorted((HERE / "snippets").glob("*.sql")):
        if file.stem != "fixtures":
            for name, texts in _blocks(file.read_text()):
                ordered = re.search(r"order by|limit|values", texts[-1], re.I) is not None
                found.append(Snippet(file.stem, name, _asking(texts), ordered))
    for module in _MODULES:
        topics = importlib.import_module(f"tests.emulator.sail.golden.snippets.{module}").TOPICS
        found += [Snippet(topic, name, ask) for topic, asks in topics.items() for name, ask in asks.items()]
    return found


def statements(text: str) -> list[str]:
    """The statements of a text: each ends with a semicolon at the end of a line."""
    return [part.strip() for part in re.split(r";[ \t]*(?:\n|\Z)", text) if part.strip()]


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    for block in re.split(r"\n{2,}", text.strip()):
        if block.startswith("-- "):
            name, _, body = block[3:].partition("\n")
            yield name, statements(body)
        else:
            yield from ((line.removeprefix("SELECT "), [line]) for line in block.splitlines())


def _asking(texts: list[str]) -> Callable[[Any], Any]:
    def ask(spark: Any) -> Any:
        for text in texts[:-1]:
            spark.sql(text)
        return spark.sql(texts[-1])

    return ask


def answer(snippet: Snippet, spark: Any) -> dict[str, Any]:
    """What the session answers: schema and rows, or the class of the error, in a form that JSON holds."""
    try:
        return _rendered(snippet.ask(spark))
    except Exception as error:
        text = re.sub(r"\s+", " ", str(error)).replace(f"{_ROOT}/", "")
        found = _CLASS.search(text)
        return {"error": found[1] if found else type(error).__name__, "text": text[:300]}


def _rendered(found: Any) -> dict[str, Any]:
    if isinstance(found, list):
        return {"values": [_rendered(item) if hasattr(item, "collect") else _text(item) for item in found]}
    rows = [f"({', '.join(_text(value) for value in row)})" for row in found.collect()]
    columns = [[field.name, field.dataType.simpleString()] for field in found.schema]
    return {"columns": columns, "rows": rows}


def _text(value: Any) -> str:
    """A value as Python writes it; doubles have 11 digits."""
    if isinstance(value, str) and _LONG_NUMBER.fullmatch(value):
        return repr(f"{float(value):.11g}")
    if isinstance(value, float):
        return f"{value:.11g}" if math.isfinite(value) else str(value)
    if hasattr(value, "asDict"):
        pairs = zip(value.__fields__, value, strict=True)
        return f"Row({', '.join(f'{key}={_text(item)}' for key, item in pairs)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_text(item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, bytearray | bytes):
        return repr(bytes(value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime | dt.date | dt.timedelta):
        return f"{type(value).__name__} {value}"
    return repr(value)


def read_answers() -> dict[str, dict[str, Any]]:
    """The golden answers by key of the snippet."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(ANSWERS.glob("*.json")):
        found.update(json.loads(file.read_text()))
    return found


def agree(golden: dict[str, Any], given: dict[str, Any], *, ordered: bool = True) -> bool:
    """Whether an answer is the golden one: columns, their types and the rows, in order when `ordered`.

    Two errors agree whatever their words. The name of a column without an alias is not compared.
    """
    if "error" in golden or "error" in given:
        return "error" in golden and "error" in given
    if "values" in golden:
        if len(golden["values"]) != len(given.get("values", [])):
            return False
        pairs = zip(golden["values"], given["values"], strict=True)
        return all(agree(a, b) if isinstance(a, dict) else a == b for a, b in pairs)
    wanted, found = golden["rows"], given["rows"]
    if (wanted != found) if ordered else (sorted(wanted) != sorted(found)):
        return False
    if len(golden["columns"]) != len(given["columns"]):
        return False
    return all(
        a[1] == b[1] and (a[0] == b[0] or not _is_given(a[0]))
        for a, b in zip(golden["columns"], given["columns"], strict=True)
    )


def _is_given(name: str) -> bool:
    """Whether a column's name looks like one that the snippet gives, not like the text of an expression."""
    return name.isidentifier() and name not in ("NULL", "true", "false", "entries")
