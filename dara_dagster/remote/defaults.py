"""Puts the project's default catalog and schema at the head of the SQL files and notebooks that go out.

A submitted run has no setting for them (databricks-api.md 2.1, 4.2), so the code has to say it. Scripts,
`.ipynb` and other files go as they are.
"""

from __future__ import annotations

_CELL = "# COMMAND ----------"


def with_defaults(content: bytes, language: str, catalog: str | None, schema: str | None) -> bytes:
    """`content` with the statements that choose `catalog` and `schema`; `language` is SQL or PYTHON.

    Anything else comes back as it is, and so does everything when there is neither. A notebook's first
    line stays first.
    """
    statements = _statements(catalog, schema)
    if not statements or language not in ("SQL", "PYTHON"):
        return content
    text = content.removeprefix(b"\xef\xbb\xbf")
    if language == "SQL":
        lines = ["-- Defaults of the project:", *(f"{statement};" for statement in statements), ""]
        return "\n".join(lines).encode() + text
    first, _, rest = text.partition(b"\n")
    lines = ["# Defaults of the project:", *(f'spark.sql("{statement}")' for statement in statements)]
    cell = "\n".join(["", *lines, "", _CELL, ""]).encode()
    return first + cell + rest


def _statements(catalog: str | None, schema: str | None) -> list[str]:
    words = (("USE CATALOG", catalog), ("USE SCHEMA", schema))
    return [f"{use} `{name.strip('`')}`" for use, name in words if name]
