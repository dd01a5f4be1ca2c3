"""Keeps the list of known differences and the page made of it.

`differences.json` holds, by note, the snippets that the note explains and what the local workspace answers
to each. Notes are written by hand. `python -m tests.emulator.sail.golden.differences` asks the local
workspace, brings the answers up to date, drops what agrees by now, puts what is new under TO_EXPLAIN, and
writes docs/known-differences.md.
"""

from __future__ import annotations

import json
import re
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.emulator.sail.checks import ALL
from tests.emulator.sail.checks.check import Check, differs, refused
from tests.emulator.sail.golden.snippet import HERE, Snippet, agree, answer, fixtures, load, read_answers

LIST = HERE / "differences.json"
PAGE = HERE.parents[3] / "dara_dagster" / "docs" / "known-differences.md"
MAKE_TABLES = ("delta", "inserts", "notebook_sql")
"""Topics whose snippets make tables."""
TO_EXPLAIN = "TO EXPLAIN"
_INTRO = """\
# Known differences

The local workspace runs SQL and DataFrame code on [Sail](https://github.com/lakehq/sail). Its answers are
compared with those of Apache Spark 4.0.1 (ANSI mode, UTC), and where Databricks differs from Apache Spark
or only Delta Lake can tell, with what their documentation says: {total} snippets, of which {same} agree,
and {checks} statements and calls of notebooks, of which {kept} agree. This page lists the others. It is made
from the tests, so it is complete as far as they go. What differs without an error comes first.

Each entry gives the topic and the query after SELECT; "there" is Apache Spark or Databricks, "here" the
local workspace.
One query often asks several things at once; the line above it says which of them differs.

A column without an alias may have another name than on Databricks, as `abs((- 5))` for `abs(-5)`: give
columns that you read by name an alias. Errors have the class and the sense of Databricks' errors, not
always their words.
"""


def read_list() -> dict[str, dict[str, str]]:
    """What is known to differ: note -> key of a snippet -> what the local workspace answers."""
    found: dict[str, dict[str, str]] = json.loads(LIST.read_text())
    return found


def in_words(given: dict[str, Any]) -> str:
    """An answer in one line, without what changes from run to run."""
    if "error" in given:
        refused = given["error"] == "NotSupportedLocally"
        return f"refused: {given['text']}" if refused else f"fails: {given['error']}"
    if "values" in given:
        return "; ".join(in_words(value) if isinstance(value, dict) else value for value in given["values"])
    kinds = ", ".join(kind for _, kind in given["columns"])
    rows = re.sub(r"/[\w/]*golden\w+", "", ", ".join(given["rows"]))
    return f"{rows or 'no rows'} as {kinds}"


def ask(spark: Any, snippet: Snippet) -> dict[str, Any]:
    """What the local workspace answers, in a schema without tables."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    schema = f"snippet_{uuid.uuid4().hex}" if snippet.topic in MAKE_TABLES else "default"
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    spark.sql(f"USE {schema}")
    return answer(snippet, spark)


@contextmanager
def workspace() -> Iterator[Any]:
    """A session of the local workspace with the views that the snippets read."""
    from dara_dagster.emulator.lake.paths import PathMap
    from dara_dagster.emulator.lake.store import Store
    from dara_dagster.emulator.sail.server import SparkServer
    from dara_dagster.emulator.sail.session import open_session

    root = Path(tempfile.mkdtemp(prefix="golden"))
    store = Store(root / "tables")
    server = SparkServer(store)
    spark = open_session(server, PathMap(store, root / "workspace"), "ada@example.org")
    fixtures(spark)
    try:
        yield spark
    finally:
        spark.close()
        server.stop()


def _fails(words: str) -> bool:
    return words.startswith(("fails: ", "refused: "))


def _rows(words: str) -> str:
    return words.rpartition(" as ")[0] or words


_SECTIONS: dict[str, Callable[[str, str], bool]] = {
    "Other values, without an error": lambda there, here: (
        not _fails(there) and not _fails(here) and _rows(there) != _rows(here)
    ),
    "The same values in another type, without an error": lambda there, here: (
        not _fails(there) and not _fails(here) and _rows(there) == _rows(here)
    ),
    "An answer where Databricks fails": lambda there, here: _fails(there) and not _fails(here),
    "An error where Databricks answers": lambda there, here: here.startswith("fails: "),
    "Refused by name": lambda there, here: here.startswith("refused: "),
}
"""Each heading of the page, and which snippets stand under it, by the words of both answers."""


def page() -> str:
    """The text of docs/known-differences.md."""
    golden, known = read_answers(), read_list()
    differing = sum(map(len, known.values()))
    others = [(name, check) for name, check in ALL if isinstance(check.expected, refused | differs)]
    counts = {"total": len(golden), "same": len(golden) - differing}
    parts = [_INTRO.format(**counts, checks=len(ALL), kept=len(ALL) - len(others))]
    for heading, is_of_it in _SECTIONS.items():
        notes = [
            (note, key, here, there)
            for note, snippets in known.items()
            for key, here in snippets.items()
            if is_of_it(there := in_words(golden[key]), here)
        ]
        parts.append(f"## {heading}\n")
        for at, (note, key, here, there) in enumerate(notes):
            if at == 0 or notes[at - 1][0] != note:
                parts.append(f"### {note}\n")
            parts.append(f"- `{_short(key)}`  \n  there: `{_short(there)}`  \n  here: `{_short(here)}`\n")
    parts.append("## Statements and calls of notebooks\n")
    parts += [_of_check(name, check) for name, check in others]
    return "\n".join(parts)


def _of_check(name: str, check: Check) -> str:
    known = check.expected
    if isinstance(known, refused):
        return f"- `{_short(name)}`  \n  there: [documented]({check.source})  \n  here: `refused: {known}`\n"
    there, here = _short(repr(known.there)), _short(repr(known.here))
    return f"- `{_short(name)}`: {known.why}  \n  there: `{there}`  \n  here: `{here}`\n"


def _short(text: str, limit: int = 160) -> str:
    plain = text.replace("`", "'").replace("\n", " ")
    return plain if len(plain) <= limit else f"{plain[: limit - 3]}..."


def update() -> None:
    """Brings the list and the page up to date."""
    warnings.simplefilter("ignore")
    golden = read_answers()
    notes = {key: note for note, keys in read_list().items() for key in keys}
    order = [*read_list(), TO_EXPLAIN]
    found: dict[str, dict[str, str]] = {note: {} for note in order}
    with workspace() as spark:
        for snippet in load():
            given = ask(spark, snippet)
            if not agree(golden[snippet.key], given, ordered=snippet.is_ordered):
                found[notes.get(snippet.key, TO_EXPLAIN)][snippet.key] = in_words(given)
    known = {note: keys for note, keys in found.items() if keys}
    LIST.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    for note, keys in known.items():
        print(f"{len(keys):4} {note}")


if __name__ == "__main__":
    update()
