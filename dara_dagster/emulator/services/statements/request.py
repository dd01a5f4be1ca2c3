"""Reads a request of the Statement Execution API, or refuses it as the service does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dara_dagster.emulator.core.errors import invalid

_MAX_TEXT_BYTES = 16 * 1024 * 1024
_SIMPLE_TYPE = re.compile(
    r"(STRING|INT|INTEGER|BIGINT|LONG|SMALLINT|SHORT|TINYINT|BYTE|FLOAT|REAL|DOUBLE|BOOLEAN|DATE|TIMESTAMP"
    r"|TIMESTAMP_NTZ|BINARY|VOID|(DECIMAL|DEC|NUMERIC)(\(\d+(,\s*\d+)?\))?|INTERVAL [A-Z ]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class StatementRequest:
    """One statement to run; `wait_seconds` 0 to 50, `parameters` as the engine takes them."""

    warehouse_id: str
    text: str
    parameters: Mapping[str, Any]
    catalog: str | None
    schema: str | None
    wait_seconds: int
    cancel_on_timeout: bool
    row_limit: int | None
    byte_limit: int | None
    disposition: str
    form: str


def read_request(body: Mapping[str, Any]) -> StatementRequest:
    """Return the request in a JSON body; ApiError 400 INVALID_PARAMETER_VALUE for what the service
    refuses."""
    text = body.get("statement")
    if not isinstance(text, str) or not text.strip():
        raise invalid("The field statement must not be empty.")
    if len(text.encode()) > _MAX_TEXT_BYTES:
        raise invalid(f"The statement is larger than {_MAX_TEXT_BYTES} bytes.")
    if not body.get("warehouse_id"):
        raise invalid("The field warehouse_id is required.")
    disposition = _read_choice(body, "disposition", ("INLINE", "EXTERNAL_LINKS"))
    form = _read_choice(body, "format", ("JSON_ARRAY", "CSV", "ARROW_STREAM"))
    if disposition == "INLINE" and form != "JSON_ARRAY":
        raise invalid(f"The format {form} is not supported with the disposition INLINE.")
    if form == "ARROW_STREAM":
        raise invalid("The emulator has no ARROW_STREAM results; use JSON_ARRAY or CSV.")
    return StatementRequest(
        warehouse_id=str(body["warehouse_id"]),
        text=text,
        parameters=_read_parameters(body.get("parameters") or ()),
        catalog=body.get("catalog"),
        schema=body.get("schema"),
        wait_seconds=_read_wait_seconds(body.get("wait_timeout", "10s")),
        cancel_on_timeout=_read_choice(body, "on_wait_timeout", ("CONTINUE", "CANCEL")) == "CANCEL",
        row_limit=_read_limit(body, "row_limit"),
        byte_limit=_read_limit(body, "byte_limit"),
        disposition=disposition,
        form=form,
    )


def _read_wait_seconds(sent: Any) -> int:
    match = re.fullmatch(r"(\d{1,3})s", str(sent))
    seconds = int(match[1]) if match else -1
    if seconds != 0 and not 5 <= seconds <= 50:
        raise invalid(f"wait_timeout must be 0s or between 5s and 50s, got {sent!r}.")
    return seconds


def _read_parameters(sent: Any) -> dict[str, Any]:
    """Return values by name: text or None, and `{value, type}` where a type is given (the engine casts)."""
    values: dict[str, Any] = {}
    for item in sent:
        if not isinstance(item, Mapping) or not item.get("name"):
            raise invalid("Every parameter needs a name; markers without one (?) are not supported.")
        kind, value = item.get("type") or "STRING", item.get("value")
        if not _SIMPLE_TYPE.fullmatch(str(kind)):
            raise invalid(f"The parameter {item['name']} has the unsupported type {kind!r}.")
        text = None if value is None else str(value)
        values[item["name"]] = text if str(kind).upper() == "STRING" else {"value": text, "type": kind}
    return values


def _read_choice(body: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
    """Return the value of `key`; the first of `known` is the default."""
    value = str(body.get(key) or known[0])
    if value not in known:
        raise invalid(f"Unknown {key} {value!r}, expected one of {', '.join(known)}.")
    return value


def _read_limit(body: Mapping[str, Any], key: str) -> int | None:
    if body.get(key) is None:
        return None
    try:
        number = int(body[key])
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise invalid(f"{key} must be a positive number, got {body[key]!r}.")
    return number
