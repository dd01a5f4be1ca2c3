"""Turns wanted settings and those the service reports into the names of the settings that really differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

# The service reads one word back as the other; None stands for "any".
# https://docs.databricks.com/api/workspace/clusters
_ALIASES: Mapping[str, str | None] = {
    "DATA_SECURITY_MODE_STANDARD": "USER_ISOLATION",
    "DATA_SECURITY_MODE_DEDICATED": "SINGLE_USER",
    "DATA_SECURITY_MODE_AUTO": None,
}

_FREE_MAPS = ("spark_conf", "spark_env_vars", "custom_tags")


def differences(
    wanted: Mapping[str, Any], current: Mapping[str, Any], *, filled_in: Collection[str] | None = None
) -> set[str]:
    """Return the names of the settings in `wanted` whose value is another in `current`.

    Numbers and booleans may be strings on either side, and an empty value equals a missing one (but not in
    the maps of free names, where "false" may be what overrides a default). With `filled_in`, `current` is
    what was sent: a setting that only it has differs too, unless its name is in `filled_in`, and so does an
    entry that only its maps of free names have.
    """
    changed = {name for name, value in wanted.items() if not same_value(value, current.get(name))}
    for name in _FREE_MAPS:
        ours, theirs = (wanted.get(name) or {}).keys(), (current.get(name) or {}).keys()
        if ours - theirs or (filled_in is not None and theirs - ours):
            changed.add(name)
    if filled_in is None:
        return changed
    extra = current.keys() - wanted.keys() - set(filled_in)
    return changed | {name for name in extra if not is_empty(current[name])}


def same_value(wanted: Any, current: Any) -> bool:
    """Return whether the two mean the same; of mappings, only the keys of `wanted` count."""
    if isinstance(wanted, Mapping) and isinstance(current, Mapping):
        return all(same_value(wanted.get(name), current.get(name)) for name in wanted)
    if isinstance(wanted, (list, tuple)) and isinstance(current, (list, tuple)):
        return len(wanted) == len(current) and all(map(same_value, wanted, current))
    if _is_alias(wanted, current):
        return True
    if isinstance(wanted, str) and isinstance(current, str):  # the versions "1.1" and "1.10" are not the same
        return wanted == current or (bool(_truth(wanted)) and _truth(wanted) == _truth(current))
    if is_empty(wanted) and is_empty(current):
        return True
    if isinstance(wanted, (Mapping, list, tuple)) or isinstance(current, (Mapping, list, tuple)):
        return False
    return bool(_plain(wanted) == _plain(current))


def _is_alias(wanted: Any, current: Any) -> bool:
    for one, other in ((wanted, current), (current, wanted)):
        if isinstance(one, str) and one in _ALIASES:
            return _ALIASES[one] in (None, other)
    return False


def is_empty(value: Any) -> bool:
    """Return whether it is absent, or what the service takes for absent: false, 0, "", {}, []."""
    return value is None or value in ("", "0", "false") or (not value and not isinstance(value, str))


def _plain(value: Any) -> Any:
    """Return a scalar in one form: 10, 10.0 and "10" are the same, and so are true and "true"."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return Decimal(str(value)).normalize()
    except InvalidOperation:
        return _truth(str(value)) or value


def _truth(text: str) -> str:
    """Return the text's "true" or "false", "" for any other."""
    return text.lower() if text.lower() in ("true", "false") else ""
