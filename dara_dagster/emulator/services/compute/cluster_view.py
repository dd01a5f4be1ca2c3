"""Turns a stored cluster into what a read shows: its settings with the server's additions, its state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dara_dagster.emulator.services.compute.cluster_spec import Spec, is_single_node

_SECURITY_ALIASES = {  # sent -> read back (bundle drift rules of databricks/cli)
    "DATA_SECURITY_MODE_STANDARD": "USER_ISOLATION",
    "DATA_SECURITY_MODE_DEDICATED": "SINGLE_USER",
    "DATA_SECURITY_MODE_AUTO": "SINGLE_USER",
}
_SINGLE_NODE_CONF = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
_MOST_NODES = 1000
_CLOUD_DEFAULTS: dict[str, Spec] = {
    "aws_attributes": {
        "first_on_demand": 1,
        "availability": "SPOT_WITH_FALLBACK",
        "zone_id": "us-east-1c",
        "spot_bid_price_percent": 100,
        "ebs_volume_count": 0,
    },
    "azure_attributes": {"first_on_demand": 1, "availability": "ON_DEMAND_AZURE", "spot_bid_max_price": -1.0},
    "gcp_attributes": {"first_on_demand": 1, "use_preemptible_executors": False},
}


def show_details(cluster_id: str, cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of clusters/get without `spec`, which is also the item of clusters/list."""
    state, creator = cluster["state"], cluster["creator_user_name"]
    shown = fill_defaults(cluster["spec"], creator)
    name, version = shown["cluster_name"], shown["spark_version"]
    shown.update((key, value) for key, value in cluster.items() if key != "spec" and value is not None)
    shown.update(cluster_id=cluster_id, effective_spark_version=version, jdbc_port=10000, disk_spec={})
    shown["init_scripts_safe_mode"] = False
    shown["default_tags"] = {
        "Vendor": "Databricks",
        "Creator": creator,
        "ClusterName": name,
        "ClusterId": cluster_id,
    }
    if state not in ("TERMINATING", "TERMINATED"):
        shown.pop("termination_reason", None)
    if state in ("RUNNING", "RESIZING"):
        workers, since = shown.get("num_workers", 0), cluster["last_restarted_time"]
        shown.update(cluster_cores=4.0 * (workers + 1), cluster_memory_mb=16384 * (workers + 1))
        shown["driver"] = _show_node("driver", 0, since)
        numbers = range(1, min(workers, _MOST_NODES) + 1)
        shown["executors"] = [_show_node("worker", number, since) for number in numbers]
    return shown


def fill_defaults(spec: Spec, user: str) -> Spec:
    """Return what a read shows for `spec`: the same plus what the server fills in.

    https://docs.databricks.com/api/workspace/clusters
    """
    shown = {key: value for key, value in spec.items() if key != "apply_policy_default_values"}
    shown.setdefault("cluster_name", "")
    if "node_type_id" in shown:
        shown.setdefault("driver_node_type_id", shown["node_type_id"])
    elif "instance_pool_id" in shown:
        shown.setdefault("driver_instance_pool_id", shown["instance_pool_id"])
    shown.setdefault("enable_elastic_disk", False)
    shown.setdefault("enable_local_disk_encryption", False)
    mode = _SECURITY_ALIASES.get(shown.get("data_security_mode", ""), shown.get("data_security_mode"))
    if mode:
        shown["data_security_mode"] = mode
    if mode == "SINGLE_USER":
        shown.setdefault("single_user_name", user)
    if is_single_node(spec):
        shown["num_workers"] = 0
        shown["spark_conf"] = {**_SINGLE_NODE_CONF, **shown.get("spark_conf", {})}
        shown["custom_tags"] = {"ResourceClass": "SingleNode", **shown.get("custom_tags", {})}
    cloud = _find_cloud(spec)
    shown[cloud] = {**_CLOUD_DEFAULTS[cloud], **shown.get(cloud, {})}
    if shown[cloud].get("zone_id") == "auto":
        shown[cloud]["zone_id"] = "us-east-1c"
    if "autoscale" in shown:
        shown["num_workers"] = shown["autoscale"]["min_workers"]  # the current target
    return shown


def _find_cloud(spec: Spec) -> str:
    """Return the attribute block of the cloud this spec is written for, found by its block or its node
    type."""
    for block in _CLOUD_DEFAULTS:
        if block in spec:
            return block
    node = str(spec.get("node_type_id", ""))
    if node.startswith("Standard_"):
        return "azure_attributes"
    return "gcp_attributes" if re.match(r"[a-z]\d[a-z]?-", node) else "aws_attributes"


def _show_node(role: str, number: int, started: int) -> dict[str, Any]:
    return {
        "node_id": f"{role}-{number}",
        "instance_id": f"i-{number:08x}",
        "private_ip": f"10.0.0.{number % 250 + 1}",
        "host_private_ip": f"10.0.1.{number % 250 + 1}",
        "start_timestamp": started,
    }
