"""Reads the cluster settings a user sent, or refuses them in the service's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dara_dagster.emulator.core.errors import ApiError, invalid

Spec = dict[str, Any]

NOT_PART_OF_SPEC = frozenset({"cluster_id", "clone_from", "idempotency_token", "cluster_source", "libraries"})
_NUMBERS = (
    "num_workers",
    "autotermination_minutes",
    "remote_disk_throughput",
    "total_initial_remote_disk_size",
)
_MOST = 100_000
_SIZE_MISSING = "Exactly 1 of virtual_cluster_size, num_workers or autoscale must be specified."


def read_spec(sent: Mapping[str, Any]) -> Spec:
    """Return the settings of a create or edit call, numbers as numbers; ApiError 400 for what is refused."""
    spec = {key: value for key, value in sent.items() if key not in NOT_PART_OF_SPEC and value is not None}
    for key in _NUMBERS:
        if key in spec:
            spec[key] = _read_number(key, spec[key])
    if "autoscale" in spec:
        spec["autoscale"] = _read_autoscale(spec["autoscale"])
    for problem in _find_problems(spec):
        raise invalid(problem)
    return spec


def read_size(sent: Mapping[str, Any]) -> Spec:
    """Return the size of a resize call: `num_workers` or `autoscale`, checked."""
    size = {key: sent[key] for key in ("num_workers", "autoscale") if sent.get(key) is not None}
    if len(size) != 1:
        raise invalid(_SIZE_MISSING)
    if "autoscale" in size:
        return {"autoscale": _read_autoscale(size["autoscale"])}
    return {"num_workers": _read_number("num_workers", size["num_workers"])}


def is_single_node(spec: Spec) -> bool:
    """Return whether the server makes this the driver-only kind of cluster by itself."""
    return spec.get("kind") == "CLASSIC_PREVIEW" and bool(spec.get("is_single_node"))


def _find_problems(spec: Spec) -> list[str]:
    found = []
    version = spec.get("spark_version")
    if not version:
        found.append("Missing required field: spark_version")
    elif not isinstance(version, str) or not re.search(r"-scala2\.1\d|^(custom|auto):", version):
        found.append(f"Invalid spark version {version}.")
    if not any(spec.get(key) for key in ("node_type_id", "instance_pool_id", "policy_id", "kind")):
        found.append("Missing required field: node_type_id")
    if spec.get("instance_pool_id") and spec.get("node_type_id"):
        found.append("The field 'node_type_id' cannot be supplied when an instance pool ID is provided.")
    sizes = [key for key in ("num_workers", "autoscale") if key in spec]
    if len(sizes) != 1 and not (not sizes and (is_single_node(spec) or spec.get("policy_id"))):
        found.append(_SIZE_MISSING)
    minutes = spec.get("autotermination_minutes", 0)
    if minutes and not 10 <= minutes <= 10_000:
        found.append(f"autotermination_minutes must be 0 or between 10 and 10000, got {minutes}.")
    if spec.get("runtime_engine") == "PHOTON" and "-photon-" in str(version):
        found.append("A Photon spark_version and runtime_engine PHOTON cannot be used together.")
    for key, limit in (("custom_tags", 45), ("ssh_public_keys", 10)):
        if len(spec.get(key, ())) > limit:
            found.append(f"The number of {key} must not exceed {limit}.")
    return found


def _read_number(key: str, value: Any) -> int:
    """Return a non-negative whole number; numbers written as strings count, as in the service's JSON."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise ApiError(
            400, "MALFORMED_REQUEST", f"Could not parse {key}: {value!r} is not a number"
        ) from None
    if number < 0:
        raise invalid(f"{key} must not be negative, got {number}.")
    if number > _MOST:
        raise invalid(f"{key} must be at most {_MOST}, got {number}.")
    return number


def _read_autoscale(sent: Any) -> dict[str, int]:
    if not isinstance(sent, Mapping) or "min_workers" not in sent or "max_workers" not in sent:
        raise invalid("autoscale needs min_workers and max_workers.")
    low, high = (
        _read_number("min_workers", sent["min_workers"]),
        _read_number("max_workers", sent["max_workers"]),
    )
    if high < max(low, 1):
        raise invalid(f"max_workers ({high}) must not be less than min_workers ({low}).")
    return {"min_workers": low, "max_workers": high}
