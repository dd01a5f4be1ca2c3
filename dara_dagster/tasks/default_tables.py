"""The statements that choose the project's default catalog and schema, put at the head of code that goes out.

A submitted run has no setting for them (docs.databricks.com/api/workspace/jobs/submit), so the code has to
set them. Each kind of task that has a file does so in its own way.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence

__all__ = ["BOM", "TITLE", "python_calls", "use_statements"]

BOM = codecs.BOM_UTF8
TITLE = "Defaults of the project:"


def use_statements(catalog: str | None, schema: str | None) -> list[str]:
    """Return `USE CATALOG` and `USE SCHEMA`, as far as there is one to choose."""
    words = (("USE CATALOG", catalog), ("USE SCHEMA", schema))
    return [f"{use} `{name.strip('`').replace('`', '``')}`" for use, name in words if name]


def python_calls(spark: str, statements: Sequence[str]) -> list[str]:
    """Return Python that runs them; a text in JSON is one in Python too."""
    return [f"{spark}.sql({json.dumps(statement, ensure_ascii=False)})" for statement in statements]
