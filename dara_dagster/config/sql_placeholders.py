"""Finds `${context.NAME}` in a SQL statement and puts a parameter marker in its place, or refuses it.

A value is never put into the text of a statement: it goes along as a parameter of the statement
(docs.databricks.com/api/workspace/statementexecution/executestatement), so no value can change what runs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

__all__ = ["PLACEHOLDER", "BoundStatement", "CannotBind", "bind_placeholders"]

# `${context.name}`, which is filled in while a step pipeline runs.
PLACEHOLDER = re.compile(r"\$\{context\.([^}]+)\}")
_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<text>(?<!\w)[rR](?:'[^']*(?:'|\Z)|"[^"]*(?:"|\Z))
             |'(?:\\.|[^'\\])*(?:'|\Z)|"(?:\\.|[^"\\])*(?:"|\Z)|\$\$.*?(?:\$\$|\Z))
    |(?P<name>`[^`]*(?:`|\Z))
    |\$\{context\.(?P<placeholder>[^}]+)\}""",
    re.VERBOSE | re.DOTALL,
)
# Words that a name follows, not a value; columns to sort or group by are names too.
_NAME_FOLLOWS = re.compile(
    r"\b(?:FROM|JOIN|INTO|TABLE|UPDATE|VIEW|SCHEMA|DATABASE|CATALOG|VOLUME|FUNCTION|USE|USING|OVERWRITE"
    r"|EXISTS|DESCRIBE|DESC|BY)\s*\Z",
    re.IGNORECASE,
)
# Where FROM stands before a value: `IS DISTINCT FROM x`, `extract(YEAR FROM x)`.
_FROM_A_VALUE = re.compile(
    r"(?:\bDISTINCT\s+FROM|\b(?:EXTRACT|TRIM|SUBSTRING|SUBSTR|OVERLAY)\s*\([^()]*\bFROM)\s*\Z", re.IGNORECASE
)


class CannotBind(Exception):
    """A placeholder stands where SQL takes no parameter: `message` says where, `hint` what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message}. {hint}")
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class BoundStatement:
    """The statement with its markers, and the name in the context that each marker stands for."""

    text: str
    names: Mapping[str, str]


def bind_placeholders(statement: str, taken: Collection[str] = ()) -> BoundStatement:
    """Put `:context_NAME` in the place of each `${context.NAME}`; `taken` are markers of the user's own.

    Raises CannotBind for a placeholder within quotes, as (a part of) a name, or at the beginning. What stands
    in a comment stays.
    """
    parts: list[str] = []
    markers: dict[str, str] = {}
    done = 0
    for token in _TOKEN.finditer(statement):
        name = token["placeholder"]
        if name is None:
            _refuse_quoted(token)
            continue
        code = _without_comments(statement[: token.start()])
        _refuse_name(token.group(), code, statement[token.end() : token.end() + 1])
        marker = markers.setdefault(name, _marker(name, {*taken, *markers.values()}))
        parts += statement[done : token.start()], f":{marker}"
        done = token.end()
    return BoundStatement(
        "".join([*parts, statement[done:]]), {marker: name for name, marker in markers.items()}
    )


def _refuse_quoted(token: re.Match[str]) -> None:
    within = re.search(r"\$\{context\.[^}]+\}", token.group())
    if token["comment"] is not None or within is None:
        return
    if token["name"] is not None:
        raise CannotBind(f"{within.group()} is part of a name", _as_name(within.group()))
    hint = f"Write it without quotes; put texts together with ||, as in 'day ' || {within.group()}."
    raise CannotBind(f"{within.group()} stands within quotes, where no parameter can be bound", hint)


def _refuse_name(placeholder: str, before: str, after: str) -> None:
    if not before.strip() or before.rstrip().endswith(";"):
        message = f"{placeholder} stands where a statement begins"
        raise CannotBind(message, "Write the statement itself; only its values can come from the context.")
    touches = re.search(r"[\w.`$:@]\Z", before) or re.match(r"[\w.`$(]", after)
    if touches or (_NAME_FOLLOWS.search(before) and not _FROM_A_VALUE.search(before)):
        raise CannotBind(f"{placeholder} stands for a name, or a part of one", _as_name(placeholder))


def _as_name(placeholder: str) -> str:
    return f"Write IDENTIFIER({placeholder}), or IDENTIFIER('main.silver.' || {placeholder})."


def _without_comments(code: str) -> str:
    return _TOKEN.sub(lambda token: " " if token["comment"] is not None else token.group(), code)


def _marker(name: str, taken: Collection[str]) -> str:
    wanted = marker = f"context_{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
    number = 1
    while marker in taken:
        number += 1
        marker = f"{wanted}_{number}"
    return marker
