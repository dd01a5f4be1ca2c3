"""One check of the engine: something users write, and what real Spark or Databricks answers to it."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPARK = "Apache Spark 4.0.1"
"""The source of an answer that `python -m tests.emulator.sail.golden.produce checks` confirms."""
_CLASS = re.compile(r"\[([A-Z][A-Z_.0-9]+)\]")


@dataclass
class Environment:
    """What one check has for itself: a session, a schema, which is the current one, and an empty folder."""

    spark: Any
    schema: str
    data: str

    @property
    def people(self) -> Any:
        """A small DataFrame."""
        return self.spark.createDataFrame(
            [(1, "x", 10.0), (2, "y", 20.0), (3, "x", 30.0), (4, None, None)], "id int, g string, v double"
        )

    def run(self, statement: str) -> Any:
        """Runs a statement; {data} stands for the folder and {s} for the schema with its catalog."""
        return self.spark.sql(statement.replace("{data}", self.data).replace("{s}", self.schema))

    def file(self, name: str, text: str) -> str:
        """Writes a file and returns the path of its folder."""
        path = Path(self.data, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path.parent)


Action = Callable[[Environment], Any]


@dataclass(frozen=True)
class fails:
    """The error's class, as Spark or Databricks names it, is part of what the user reads."""

    condition: str


@dataclass(frozen=True)
class refused:
    """The local workspace names what it does not do: `what` is not supported by the local workspace."""

    what: str

    def __str__(self) -> str:
        return f"{self.what} is not supported by the local workspace; it works on Databricks."


@dataclass(frozen=True)
class differs:
    """The local workspace answers `here`, and Spark or Databricks `there`, for the reason `why`."""

    here: Any
    there: Any
    why: str


@dataclass(frozen=True)
class Check:
    """`action` must answer `expected`: a value, or one of fails, refused and differs. `source` says who gave
    that answer: SPARK, or the public page that documents it.
    """

    name: str
    action: Action
    expected: Any
    source: str

    def __post_init__(self) -> None:
        """Raises ValueError when there is nothing to compare, or nobody to vouch for it."""
        if self.expected is None or callable(self.expected):
            raise ValueError(f"{self.name}: expects no value")
        if self.source != SPARK and not self.source.startswith("https://"):
            raise ValueError(f"{self.name}: the source is neither SPARK nor a public page")

    @property
    def there(self) -> Any:
        """What Spark or Databricks answers."""
        return self.expected.there if isinstance(self.expected, differs) else self.expected

    @property
    def here(self) -> Any:
        """What the local workspace answers."""
        return self.expected.here if isinstance(self.expected, differs) else self.expected


def sql(*texts: str, take: str = "") -> Action:
    """Runs statements; the rows of the last one answer, of which `take` names columns."""

    def run(e: Environment) -> Any:
        for text in texts[:-1]:
            e.run(text)
        frame = e.run(texts[-1])
        return frame.select(*take.split()) if take else frame

    return run


def after(act: Action, *texts: str, take: str = "") -> Action:
    """Acts by `act`, whose answer does not matter, then asks by statements."""

    def run(e: Environment) -> Any:
        act(e)
        return sql(*texts, take=take)(e)

    return run


def perform(check: Check, environment: Environment) -> Any:
    """What a check answers, in plain values: a row is a tuple; an error is one of fails and refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyspark warns of windows without partitions and the like
            found = check.action(environment)
            return plain(found.collect() if hasattr(found, "collect") else found)
    except Exception as error:
        text = re.sub(r"\s+", " ", str(error))
        what, here, _ = text.partition(" is not supported by the local workspace")
        if here:
            return refused(what)
        condition = _CLASS.search(text)
        return fails(condition[1] if condition else f"{type(error).__name__}: {text[:200]}")


def plain(value: Any) -> Any:
    """A value whose rows are tuples."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@contextmanager
def local_environment() -> Iterator[Environment]:
    """A local workspace of one check: nothing that another check does can reach it."""
    from dara_dagster.emulator.lake.paths import PathMap
    from dara_dagster.emulator.lake.store import Store
    from dara_dagster.emulator.sail import delta_tables
    from dara_dagster.emulator.sail.server import SparkServer
    from dara_dagster.emulator.sail.session import open_session
    from dara_dagster.emulator.task.python_io import redirect_file_calls

    with tempfile.TemporaryDirectory(prefix="check") as root:
        store = Store(Path(root, "tables"))
        paths = PathMap(store, Path(root, "workspace"))
        server = SparkServer(store)
        spark = open_session(server, paths, "ada@example.org")
        delta_tables.install()
        restore = redirect_file_calls(paths)
        Path(root, "data").mkdir()
        spark.sql("CREATE SCHEMA main.lab")
        spark.sql("USE main.lab")
        try:
            yield Environment(spark, "main.lab", f"{root}/data")
        finally:
            restore()
            spark.close()
            server.stop()
