"""Turns the settings a saved job should have and those it has into the list of what really differs.

Only what the files can say is compared. What the service adds when it is read is no difference, nor is what
it may add one day: of what was not sent, only words of the list below count.
https://docs.databricks.com/api/workspace/jobs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dara_dagster.workspace.jobs.settings import VERSION_TAG
from dara_dagster.workspace.resources.settings_diff import differences, is_empty, same_value

Settings = Mapping[str, Any]

# What the files say of a job: one of these that only Databricks has was put there by hand.
_COMPARED = (
    "name",
    "description",
    "tags",
    "parameters",
    "schedule",
    "trigger",
    "continuous",
    "max_concurrent_runs",
    "queue",
    "job_clusters",
    "environments",
    "tasks",
)
# What the files have no word for: it is kept as people set it. `run_as` is kept by the service itself.
_KEPT = (
    "budget_policy_id",
    "duration_target",
    "email_notifications",
    "environment_variables",
    "git_source",
    "health",
    "notification_settings",
    "performance_target",
    "timeout_seconds",
    "usage_policy_id",
    "webhook_notifications",
)
_KEYS = {
    "tasks": "task_key",
    "depends_on": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
    "parameters": "name",
}
# Maps whose names are the user's own: an entry that was not sent is a difference.
_FREE_MAPS = ("tags", "base_parameters", "named_parameters", "parameters", "job_parameters", "file_arrival")
_OF_TASKS = frozenset(
    (
        "depends_on",
        "description",
        "disable_auto_optimization",
        "disabled",
        "email_notifications",
        "environment_key",
        "existing_cluster_id",
        "health",
        "job_cluster_key",
        "libraries",
        "max_retries",
        "min_retry_interval_millis",
        "new_cluster",
        "notification_settings",
        "retry_on_timeout",
        "timeout_seconds",
        "webhook_notifications",
    )
)


@dataclass(frozen=True)
class Change:
    """One setting that differs: `now` on Databricks, `wanted` by the files; None where there is none."""

    path: str
    now: Any
    wanted: Any

    def __str__(self) -> str:
        if self.now is None:
            return f"+ {self.path}: {_short(self.wanted)}"
        if self.wanted is None:
            return f"- {self.path}: {_short(self.now)}"
        return f"~ {self.path}: {_short(self.now)} -> {_short(self.wanted)}"


def changes_of(wanted: Settings, now: Settings) -> tuple[Change, ...]:
    """Return what a deployment would change of a job that has the settings `now`; nothing when all is as
    sent.

    A setting that was taken out of the files is only seen by the version, when it is one that the service
    might have added.
    """
    found = [change for name in _COMPARED for change in _changes(name, wanted.get(name), now.get(name))]
    others = [change for change in found if change.path != f"tags.{VERSION_TAG}"]
    return tuple(others or found)


def edited_there(wanted: Settings, now: Settings, changes: Sequence[Change]) -> bool:
    """Return whether one of the changes undoes what was done on Databricks: the files are those sent the last
    time.

    Schedules are turned off and on by an option of the deployment too, so that tells nothing.
    """
    versions = [(settings.get("tags") or {}).get(VERSION_TAG) for settings in (wanted, now)]
    return versions[0] == versions[1] and any(not each.path.endswith(".pause_status") for each in changes)


def with_kept(wanted: Settings, now: Settings) -> dict[str, Any]:
    """Return the settings to write: `wanted`, and what people have set that the files have no word for."""
    return {**{name: now[name] for name in _KEPT if not is_empty(now.get(name))}, **wanted}


def _changes(path: str, wanted: Any, now: Any) -> Iterator[Change]:
    name = path.rpartition(".")[2]
    if name == "new_cluster" and isinstance(wanted, Mapping) and isinstance(now, Mapping):
        for key in sorted(differences(_of_cluster(wanted), now)):
            # spark_conf, spark_env_vars and the like may hold passwords: only how many entries they have.
            yield Change(f"{path}.{key}", _count(now.get(key)), _count(wanted.get(key)))
    elif name in _KEYS and _is_keyed(name, wanted) and _is_keyed(name, now):
        yield from _changes_of_items(path, _by_key(name, wanted), _by_key(name, now))
    elif isinstance(wanted, Mapping) and (now is None or isinstance(now, Mapping)):
        yield from _changes_of_map(path, wanted, now or {})
    elif not same_value(wanted, now):
        yield Change(path, now, wanted)


def _changes_of_items(path: str, wanted: Settings, now: Settings) -> Iterator[Change]:
    """Yield changes of a list that has no order: tasks, clusters, parameters and the like, matched by their
    keys."""
    for key in dict.fromkeys((*wanted, *now)):
        place = f"{path}[{key}]"
        if key not in now or key not in wanted:
            yield Change(place, _summarize(now.get(key)), _summarize(wanted.get(key)))
        else:
            yield from _changes_of_map(place, wanted[key], now[key])


def _changes_of_map(path: str, wanted: Settings, now: Settings) -> Iterator[Change]:
    for key, value in wanted.items():
        yield from _changes(f"{path}.{key}", value, now.get(key))
    for key in now.keys() - wanted.keys():
        if not _is_blank(now[key]) and _counts(path, key, now[key]):
            yield Change(f"{path}.{key}", _summarize(now[key]), None)


def _counts(path: str, key: str, value: Any) -> bool:
    """Return whether a setting that was not sent is somebody's, not a value that the service fills in."""
    name = path.rpartition(".")[2]
    if path.startswith("tasks[") and path.endswith("]") and "." not in path:
        return key in _OF_TASKS or key.endswith("_task") or (key == "run_if" and value != "ALL_SUCCESS")
    return name in _FREE_MAPS


def _of_cluster(settings: Settings) -> dict[str, Any]:
    """Return the settings of a new cluster that are read back as they were sent.

    https://docs.databricks.com/api/workspace/clusters
    """
    kept = {}
    for key, value in settings.items():
        if key.endswith("_attributes") and isinstance(value, Mapping) and value.get("zone_id") == "auto":
            value = {name: item for name, item in value.items() if name != "zone_id"}
        if key != "apply_policy_default_values":
            kept[key] = value
    return kept


def _is_blank(value: Any) -> bool:
    """Return whether it says nothing: {"no_alert_for_skipped_runs": false} does not either."""
    return all(map(_is_blank, value.values())) if isinstance(value, Mapping) else is_empty(value)


def _is_keyed(name: str, value: Any) -> bool:
    """Return whether it is a list of entries with that key: SQL parameters are a map, a script's a list of
    texts."""
    if value is None:
        return True
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and all(isinstance(item, Mapping) and _KEYS[name] in item for item in value)


def _by_key(name: str, value: Any) -> dict[str, Any]:
    return {str(item[_KEYS[name]]): item for item in value or ()}


class _Summary(str):
    """A word about a value, shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _summarize(value: Any) -> Any:
    """Summarize a whole entry in a word: what kind of task it is, its default, or how much stands in it."""
    if not isinstance(value, Mapping):
        return value
    kind = next((key for key in value if key.endswith("_task")), None)
    if kind:
        return _Summary(kind)
    return value["default"] if "default" in value else _Summary(f"{len(value)} settings")


def _count(value: Any) -> Any:
    """Return a plain value as it is, of a collection how much stands in it."""
    return _Summary(f"{len(value)} settings") if isinstance(value, Mapping | list) else value


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
