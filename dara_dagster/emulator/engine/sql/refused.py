"""Statements that neither Sail nor we can do: recognised by their first words and refused in one sentence."""

from __future__ import annotations

import re

from dara_dagster.emulator.engine.refusals import NotSupportedLocally

__all__ = ["refuse_unsupported"]

_REFUSED: list[tuple[str, str]] = [
    (
        r"create\s+(?:or\s+(?:replace|refresh)\s+)?(?:private\s+)?materialized\s+view\b",
        "CREATE MATERIALIZED VIEW",
    ),
    (
        r"create\s+(?:or\s+(?:replace|refresh)\s+)?(?:private\s+)?streaming\s+(?:live\s+)?table\b",
        "CREATE STREAMING TABLE",
    ),
    (r"create\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?function\b", "CREATE FUNCTION"),
    (r"create\s+(?:or\s+replace\s+)?procedure\b", "CREATE PROCEDURE"),
    (r"declare\b", "DECLARE VARIABLE"),
    (r"set\s+var(?:iable)?\b", "SET VARIABLE"),
    (r"set\s*$", "SET without a key"),
    (r"begin\b", "SQL scripting (BEGIN ... END)"),
    (r"call\b", "CALL"),
    (r"execute\s+immediate\b", "EXECUTE IMMEDIATE"),
    (r"reorg\b", "REORG TABLE"),
    (r"convert\s+to\s+delta\b", "CONVERT TO DELTA"),
    (r"alter\s+table\b.*\brename\s+column\b", "ALTER TABLE ... RENAME COLUMN"),
    (r"alter\s+table\b.*\bdrop\s+columns?\b", "ALTER TABLE ... DROP COLUMN"),
]
_ANYWHERE: list[tuple[str, str]] = [
    (r"\btable_changes\s*\(", "table_changes() (the change data feed)"),
    (r"\bwith\s+recursive\b", "WITH RECURSIVE"),
    (r"\bai_\w+\s*\(", "An ai_ function"),
    (r"\bh3_\w+\s*\(", "An h3_ function"),
]


def refuse_unsupported(statement: str) -> None:
    """Raises NotSupportedLocally when the statement is one of those."""
    for pattern, what in _REFUSED:
        if re.match(rf"\s*{pattern}", statement, re.I | re.S):
            raise NotSupportedLocally(what)
    for pattern, what in _ANYWHERE:
        if re.search(pattern, statement, re.I):
            raise NotSupportedLocally(what)
