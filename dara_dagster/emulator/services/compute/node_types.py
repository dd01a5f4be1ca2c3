"""What clusters can be made of: node types, runtime versions and zones."""

from __future__ import annotations

from typing import Any

ZONES = {"default_zone": "us-east-1c", "zones": ["us-east-1a", "us-east-1b", "us-east-1c"]}

# id, cores, memory in GB, GPUs, local disks, GB a disk, category
_NODES = (
    ("m5d.large", 2, 8, 0, 1, 75, "General Purpose"),
    ("m5d.xlarge", 4, 16, 0, 1, 150, "General Purpose"),
    ("m5d.2xlarge", 8, 32, 0, 1, 300, "General Purpose"),
    ("m6gd.xlarge", 4, 16, 0, 1, 237, "General Purpose"),
    ("i3.xlarge", 4, 30.5, 0, 1, 950, "Storage Optimized"),
    ("i3.2xlarge", 8, 61, 0, 1, 1900, "Storage Optimized"),
    ("r5d.xlarge", 4, 32, 0, 1, 150, "Memory Optimized"),
    ("c5d.2xlarge", 8, 16, 0, 1, 200, "Compute Optimized"),
    ("g5.2xlarge", 8, 32, 1, 1, 450, "GPU Accelerated"),
)

# runtime, its Apache Spark, its Scala versions, name suffix
_RUNTIMES = (
    ("17.3", "4.0.0", ("2.13",), " LTS"),
    ("17.0", "4.0.0", ("2.13",), ""),
    ("16.4", "3.5.2", ("2.12", "2.13"), " LTS"),
    ("15.4", "3.5.0", ("2.12",), " LTS"),
    ("14.3", "3.5.0", ("2.12",), " LTS"),
    ("13.3", "3.4.1", ("2.12",), " LTS"),
)
_FLAVOURS = (
    ("", ""),
    ("photon-", "Photon, "),
    ("cpu-ml-", "ML, "),
    ("gpu-ml-", "ML, GPU, "),
    ("aarch64-", "ARM, "),
)


def list_node_types() -> list[dict[str, Any]]:
    """Return the items of clusters/list-node-types."""
    return [_show_node_type(order, *row) for order, row in enumerate(_NODES)]


def list_spark_versions() -> list[dict[str, str]]:
    """Return the items of clusters/spark-versions."""
    return [
        {
            "key": f"{runtime}.x-{flavour}scala{scala}",
            "name": f"{runtime}{suffix} {label}(includes Apache Spark {spark}, Scala {scala})".replace(
                " ,", ","
            ),
        }
        for runtime, spark, scalas, suffix in _RUNTIMES
        for scala in scalas
        for flavour, label in _FLAVOURS
    ]


def _show_node_type(
    order: int, name: str, cores: int, memory_gb: float, gpus: int, disks: int, disk_gb: int, category: str
) -> dict[str, Any]:
    local = {"local_disks": disks, "local_disk_size_gb": disk_gb}
    return {
        "node_type_id": name,
        "instance_type_id": name,
        "description": name,
        "category": category,
        "num_cores": cores,
        "memory_mb": int(memory_gb * 1024),
        "num_gpus": gpus,
        "display_order": order,
        "is_deprecated": False,
        "is_hidden": False,
        "is_graviton": "gd." in name,
        "is_encrypted_in_transit": False,
        "is_io_cache_enabled": disks > 0,
        "photon_worker_capable": gpus == 0,
        "photon_driver_capable": gpus == 0,
        "support_cluster_tags": True,
        "support_ebs_volumes": True,
        "support_port_forwarding": True,
        "node_instance_type": {
            "instance_type_id": name,
            **local,
            "local_nvme_disks": 0,
            "local_nvme_disk_size_gb": 0,
        },
        "node_info": {"status": [], "available_core_quota": 350.0, "total_core_quota": 350.0},
    }
