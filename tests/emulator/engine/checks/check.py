"""One check of the engine: something users write, what it must answer, or how it is refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dara_dagster.emulator.engine.session import LocalSpark


class _Raises:
    """The check is that an error is raised."""


RAISES = _Raises()


@dataclass
class Environment:
    """What the checks share: a session, its folders, and a small DataFrame."""

    spark: LocalSpark
    root: str
    data: str
    people: Any

    def volume(self, name: str) -> Path:
        return self.spark.store.volume_folder("main", "bronze", name)


Action = Callable[[Environment], Any]


@dataclass(frozen=True)
class Check:
    """`action` must succeed and answer `expected` (a value, or a test of the answer; None: anything)."""

    name: str
    action: Action
    expected: Any = None


@dataclass(frozen=True)
class Outcome:
    """What a check did: the error's text, or whether the answer was right."""

    error: str | None
    right: bool
    answer: str


def sql(text: str) -> Action:
    """Runs a statement; {data} and {root} stand for the folders."""

    def run(e: Environment) -> Any:
        return e.spark.sql(text.replace("{data}", e.data).replace("{root}", e.root)).collect()

    return run


def perform(check: Check, environment: Environment) -> Outcome:
    """Runs a check; an error is an outcome, too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyspark warns of windows without partitions and the like
            answer = check.action(environment)
            answer = answer.collect() if hasattr(answer, "collect") else answer
    except Exception as error:
        text = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")
        return Outcome(text, check.expected is RAISES, "")
    if check.expected is RAISES:
        return Outcome(None, False, f"no error: {answer!r}"[:300])
    right = check.expected(answer) if callable(check.expected) else check.expected in (None, answer)
    return Outcome(None, bool(right), repr(answer)[:300])
