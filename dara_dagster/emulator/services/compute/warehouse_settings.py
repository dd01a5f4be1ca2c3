"""Reads the settings of a SQL warehouse and fills in the service's defaults, or refuses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dara_dagster.emulator.core.errors import ApiError, invalid

Settings = dict[str, Any]

SIZES = (
    "2X-Small",
    "X-Small",
    "Small",
    "Medium",
    "Large",
    "X-Large",
    "2X-Large",
    "3X-Large",
    "4X-Large",
    "5X-Large",
)
_TYPES = ("CLASSIC", "PRO")
_SPOT = ("COST_OPTIMIZED", "RELIABILITY_OPTIMIZED")
_MOST = 1_000_000
_KEPT = ("instance_profile_arn", "tags", "channel", "statement_timeout")


def read_settings(sent: Mapping[str, Any]) -> Settings:
    """Return all settings of a create or edit call; numbers may be strings. ApiError 400 for what is
    refused."""
    given = {key: value for key, value in sent.items() if value is not None}
    serverless = bool(given.get("enable_serverless_compute", False))
    low = _read_number(given, "min_num_clusters", 1)
    settings = {
        "name": str(given.get("name", "")),
        "cluster_size": given.get("cluster_size", ""),
        "auto_stop_mins": _read_number(given, "auto_stop_mins", 120),
        "min_num_clusters": low,
        "max_num_clusters": _read_number(given, "max_num_clusters", low),
        "warehouse_type": given.get("warehouse_type", "PRO" if serverless else "CLASSIC"),
        "enable_photon": bool(given.get("enable_photon", True)),
        "enable_serverless_compute": serverless,
        "spot_instance_policy": given.get("spot_instance_policy", "COST_OPTIMIZED"),
        "channel": {"name": "CHANNEL_NAME_CURRENT"},
        "tags": {},
        **{key: given[key] for key in _KEPT if key in given},
    }
    for problem in _find_problems(settings):
        raise invalid(problem)
    return settings


def _find_problems(settings: Settings) -> list[str]:
    found = []
    name, low, high = settings["name"], settings["min_num_clusters"], settings["max_num_clusters"]
    if not name.strip():
        found.append("Missing required field: name")
    if len(name) >= 100:
        found.append(f"The name must be shorter than 100 characters, got {len(name)}.")
    if settings["cluster_size"] not in SIZES:
        found.append(
            f"Invalid cluster_size {settings['cluster_size']!r}, expected one of {', '.join(SIZES)}."
        )
    for key, known in (("warehouse_type", _TYPES), ("spot_instance_policy", _SPOT)):
        if settings[key] not in known:
            found.append(f"Invalid {key} {settings[key]!r}, expected one of {', '.join(known)}.")
    least = 1 if settings["enable_serverless_compute"] else 10
    if 0 < settings["auto_stop_mins"] < least:
        found.append(f"auto_stop_mins must be 0 or at least {least}, got {settings['auto_stop_mins']}.")
    if not 1 <= low <= min(high, 30) or high > 40:
        found.append(
            f"min_num_clusters ({low}) must be 1 to 30, and max_num_clusters ({high}) from there to 40."
        )
    if settings["enable_serverless_compute"] and settings["warehouse_type"] == "CLASSIC":
        found.append("Serverless compute needs warehouse_type PRO.")
    tags = settings["tags"].get("custom_tags", []) if isinstance(settings["tags"], dict) else None
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags) or len(tags) >= 45:
        found.append("tags.custom_tags must be a list of less than 45 objects with key and value.")
    return found


def _read_number(given: Mapping[str, Any], key: str, default: int) -> int:
    try:
        number = int(given.get(key, default))
    except (TypeError, ValueError):
        text = f"Could not parse {key}: {given[key]!r} is not a number"
        raise ApiError(400, "MALFORMED_REQUEST", text) from None
    if number < 0:
        raise invalid(f"{key} must not be negative, got {number}.")
    if number > _MOST:
        raise invalid(f"{key} must be at most {_MOST}, got {number}.")
    return number
