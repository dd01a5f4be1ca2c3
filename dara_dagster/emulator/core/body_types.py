"""Refuses bodies whose fields are of the wrong JSON type, as the service's parser does, before any rule.

A field name means the same type in nearly all calls, so one table serves all; fields it does not name, and
what is in them, are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.core.task_kinds import PAYLOADS

T = TypeVar("T")
Object = dict[str, Any]

_WHOLE = re.compile(r"-?[0-9]{1,19}")


def read_object(sent: Object) -> Object:
    """Return a copy without nulls (which mean "not given"), numbers and flags written as text made such.

    ApiError 400 MALFORMED_REQUEST for the first field of the wrong type.
    """
    kept = {}
    for name, value in sent.items():
        if value is not None:
            reader = _READERS.get(name)
            kept[name] = value if reader is None else reader(name, value)
    return kept


def construct(kind: type[T], sent: Mapping[str, Any], **more: Any) -> T:
    """Return a dataclass from its JSON form, nothing converted; ApiError 400 for an unknown key or a wrong
    type."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name not in more}
    for name, value in sent.items():
        if name not in hints or not isinstance(value, hints[name]):
            wrong = f"{name} cannot be {value!r}" if name in hints else f"unknown key {name}"
            raise invalid(f"{kind.__name__}: {wrong}.")
    return kind(**sent, **more)


def _report_type(name: str, expected: str, value: Any) -> ApiError:
    kinds = {str: "text", bool: "true or false", dict: "an object", list: "a list"}
    got = kinds.get(type(value), "a number")
    text = f"Could not parse request object: Expected {expected} for field {name}, got {got}."
    return ApiError(400, "MALFORMED_REQUEST", text)


def _read_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _report_type(name, "text", value)
    return value


def _make_number_reader(bits: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value):  # how JSON carries 64 bits safely
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
            raise _report_type(name, "a whole number", value)
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise _report_type(name, f"a number of {bits} bits", value)
        return int(value)

    return read


def _read_flag(name: str, value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise _report_type(name, "true or false", value)
    return value


def _read_nested(name: str, value: Any) -> Object:
    if not isinstance(value, dict):
        raise _report_type(name, "an object", value)
    return read_object(value)


def _read_map(name: str, value: Any) -> Object:
    """Read an object with keys of the user's own; a null has no meaning there."""
    if not isinstance(value, dict):
        raise _report_type(name, "an object", value)
    if None in value.values():
        text = (
            f"Could not parse request object: Expected 'key' and 'value' to be set for JSON map field {name}"
        )
        raise ApiError(400, "MALFORMED_REQUEST", text)
    return value


def _make_list_reader(reader: Callable[[str, Any], Any]) -> Callable[[str, Any], list[Any]]:
    def read(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _report_type(name, "a list", value)
        return [reader(name, item) for item in value]

    return read


def _read_parameters(name: str, value: Any) -> Any:
    """Read texts (argv), objects (of a job, of a statement) or a map (of SQL), by the kind of call."""
    if isinstance(value, dict):
        return _read_map(name, value)
    return _make_list_reader(lambda _, item: read_object(item) if isinstance(item, dict) else item)(
        name, value
    )


_Reader = Callable[[str, Any], Any]


def _build_table(*rows: tuple[_Reader, str]) -> dict[str, _Reader]:
    return {name: reader for reader, names in rows for name in names.split()}


_READERS = _build_table(
    (_read_parameters, "parameters"),
    (_read_nested, " ".join(PAYLOADS)),
    (
        _read_nested,
        "alert autoscale aws_attributes azure_attributes channel cluster dashboard file gcp_attributes"
        " git_source new_cluster new_settings query queue run_as spec task",
    ),
    (
        _make_list_reader(_read_nested),
        "depends_on environment_variables environments init_scripts job_clusters libraries tasks",
    ),
    (
        _read_map,
        "arguments base_parameters custom_tags job_parameters named_parameters notebook_params properties"
        " python_named_params spark_conf spark_env_vars sql_params variables",
    ),
    (
        _make_list_reader(_read_text),
        "commands dbt_commands dependencies event_types fields_to_remove jar_params only python_params"
        " rerun_tasks spark_submit_params ssh_public_keys",
    ),
    (_make_number_reader(64), "end_time job_id latest_repair_id parent_run_id run_id start_time"),
    (
        _make_number_reader(32),
        "concurrency count limit max_concurrent_runs max_retries min_retry_interval_millis offset page_size"
        " start_part_number timeout_seconds",
    ),
    (
        _read_flag,
        "all_queued_runs disabled enable_photon enable_serverless_compute enabled is_single_node recursive"
        " rerun_all_failed_tasks rerun_dependent_tasks retry_on_timeout",
    ),
    (
        _read_text,
        "bytes_value catalog catalog_name cluster_id cluster_name cluster_size comment content"
        " data_security_mode disposition driver_node_type_id entry_point environment_key"
        " environment_variables_key existing_cluster_id expire_time format git_provider idempotency_token"
        " initial_manage_principal inputs instance_pool_id isolation_mode job_cluster_key key kind language"
        " left name new_name node_type_id notebook_path on_wait_timeout op order outcome owner owner_username"
        " package_name page_token path permission policy_id principal python_file right run_if run_name"
        " runtime_engine schema schema_name scope scope_backend_type session_token single_user_name source"
        " spark_version spot_instance_policy statement storage_location storage_root string_value task_key"
        " update_mask volume_type wait_timeout warehouse_id warehouse_type whl zone_id",
    ),
)
