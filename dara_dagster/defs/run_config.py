"""Makes the run config that hands a run its parameters, the same for every way to start one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dara_dagster.defs.resource_keys import PARAMETERS

__all__ = ["run_config"]


def run_config(
    parameters: Mapping[str, str], before: Mapping[str, Any] | None = None, *, one_at_a_time: bool = False
) -> dict[str, Any]:
    """Return the config of a run with these parameters, laid over those in the config `before` of an earlier
    run.

    With `one_at_a_time` its executor starts a task when the one before has ended.
    """
    before = before or {}
    resources = dict(before.get("resources") or {})
    given = (resources.get(PARAMETERS) or {}).get("config") or {}
    config = {**given, "values": {**(given.get("values") or {}), **parameters}}
    made = {**before, "resources": {**resources, PARAMETERS: {"config": config}}}
    return {**made, "execution": {"config": {"max_concurrent": 1}}} if one_at_a_time else made
