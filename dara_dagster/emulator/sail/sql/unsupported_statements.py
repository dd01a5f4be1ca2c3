"""Statements that neither Sail nor we can do: recognised by their first words and refused in one sentence."""

from __future__ import annotations

from dara_dagster.emulator.sail.functions.databricks import is_databricks_function
from dara_dagster.emulator.sail.syntax.grammar import Pattern
from dara_dagster.emulator.sail.syntax.tokens import scan
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["refuse_unsupported"]

_REFUSED = [
    (Pattern(pattern), what)
    for pattern, what in (
        ("CREATE [OR (REPLACE | REFRESH)] [PRIVATE] MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW"),
        ("CREATE [OR (REPLACE | REFRESH)] [PRIVATE] STREAMING [LIVE] TABLE", "CREATE STREAMING TABLE"),
        ("CREATE [OR REPLACE] PROCEDURE", "CREATE PROCEDURE"),
        ("CALL", "CALL"),
        ("REORG", "REORG TABLE"),
        ("CONVERT TO DELTA", "CONVERT TO DELTA"),
        ("ALTER TABLE <name> RENAME COLUMN", "ALTER TABLE ... RENAME COLUMN of a nested column"),
        ("ALTER TABLE <name> DROP (COLUMN | COLUMNS)", "ALTER TABLE ... DROP COLUMN of a nested column"),
        ("ALTER TABLE <name> REPLACE COLUMNS", "ALTER TABLE ... REPLACE COLUMNS"),
        ("ALTER TABLE <name> SET LOCATION", "ALTER TABLE ... SET LOCATION"),
        ("ALTER TABLE <name> DROP FEATURE", "ALTER TABLE ... DROP FEATURE"),
        (
            "ALTER TABLE <name> (ALTER | CHANGE) [COLUMN] <column:word> (FIRST | AFTER)",
            "ALTER TABLE ... ALTER COLUMN with FIRST or AFTER",
        ),
    )
]
_SET = Pattern("SET")
_CALLS = {
    "TABLE_CHANGES": "table_changes() (the change data feed)",
    "TABLE_CHANGES_BY_PATH": "table_changes_by_path() (the change data feed)",
}
_PREFIXES = ("AI_", "H3_")


def refuse_unsupported(text: str) -> None:
    """Raise NotSupportedLocally when the statement is one of those, or calls such a function."""
    source = scan(text)
    if _SET.match(source):
        raise NotSupportedLocally("SET without a key")
    for pattern, what in _REFUSED:
        if pattern.match(source, whole=False):
            raise NotSupportedLocally(what)
    for index, token in enumerate(source.tokens):
        if token.kind == "word" and source.slice(index + 1, index + 2) == "(":
            name = token.upper
            if name in _CALLS:
                raise NotSupportedLocally(_CALLS[name])
            if name.startswith(_PREFIXES) and is_databricks_function(name.lower()):
                raise NotSupportedLocally(f"The function {name.lower()}()")
