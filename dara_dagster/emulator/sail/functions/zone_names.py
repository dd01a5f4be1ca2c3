"""The names of time zones in date_format(): Sail 0.7.2 writes America/New_York where Spark writes EST."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dara_dagster.emulator.sail.syntax.calls import Call
from dara_dagster.emulator.sail.syntax.literals import quote
from dara_dagster.emulator.sail.syntax.tokens import scan, unquote

__all__ = ["format_with_zone"]

_NAME = re.compile(r"((?:'[^']*'|[^'z])*)(z{1,3})(?!z)(.*)", re.S)


def format_with_zone(zone: Callable[[], str | None], call: Call) -> str | None:
    """Write date_format(moment, '... z ...') with the short name of the session's zone; None leaves the
    call."""
    tokens = scan(call.arguments[1]).tokens if len(call.arguments) == 2 else []
    if len(tokens) != 1 or tokens[0].kind != "string":
        return None
    match = _NAME.fullmatch(unquote(tokens[0].text))
    names = _short_names(zone() or "UTC") if match else {}
    if match is None or not names:
        return None
    moment = call.arguments[0]
    cases = " ".join(f"WHEN {quote(offset)} THEN {quote(name)}" for offset, name in names.items())
    parts = [f"CASE date_format({moment}, 'xxx') {cases} END"]
    if match[1]:
        parts.insert(0, f"date_format({moment}, {quote(match[1])})")
    if match[3]:
        parts.append(f"date_format({moment}, {quote(match[3])})")
    return f"concat({', '.join(parts)})"


def _short_names(zone: str) -> dict[str, str]:
    """Return the names of a zone by its offsets in winter and summer; none for zones that have no letters for
    it."""
    try:
        region = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return {}
    found = {}
    for month in (1, 7):
        moment = dt.datetime(2024, month, 1, tzinfo=region)
        offset = moment.strftime("%z")
        found[f"{offset[:3]}:{offset[3:]}"] = moment.tzname() or ""
    return found if zone != "UTC" and all(name.isalpha() for name in found.values()) else {}
