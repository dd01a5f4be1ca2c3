"""The settings a cluster or SQL warehouse may have.

The fields are those of the create calls of databricks-sdk, `ClustersAPI.create` and `WarehousesAPI.create`,
with their request classes (`service/compute.py`, `service/sql.py`). Those of 0.162 stand here with the types
of values; what the installed SDK has besides is taken as it is. Only what the API itself cannot do
without is required.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, WithJsonSchema, create_model, model_validator

from dara_dagster.config.fields import WHOLE, Count, Model, Number, Positive, Text, Texts, Whole, invalid
from dara_dagster.config.sdk_fields import fields_of, parameters_of
from dara_dagster.config.text_patterns import REFERENCE

M = TypeVar("M", bound=Model)


def with_newer(names: Iterable[str]) -> Callable[[type[M]], type[M]]:
    """Let a model take further keys, with any value: those of `names` that it does not have."""

    def extend(model: type[M]) -> type[M]:
        newer = {name: (Any, None) for name in sorted(names) if name not in model.model_fields}
        if not newer:
            return model
        fields: dict[str, Any] = {**newer, "__doc__": model.__doc__, "__module__": model.__module__}
        return create_model(model.__name__, __base__=model, **fields)

    return extend


def _minutes(value: int) -> int:
    if value and not 10 <= value <= 10000:
        raise invalid(f"{value} minutes are out of range", "Write 0 (never) or 10 to 10000.")
    return value


Minutes = Annotated[
    Count,
    AfterValidator(_minutes),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "enum": [0]},
                {"type": "integer", "minimum": 10, "maximum": 10000},
                {
                    "type": "string",
                    "pattern": r"^[ \t\r\n]*(-0+|\+?0*([1-9][0-9]{1,3}|10000|0))(\.0+)?[ \t\r\n]*$",
                },
                REFERENCE,
            ]
        }
    ),
]


@with_newer(fields_of("compute", "AutoScale"))
class AutoScale(Model):
    min_workers: Count
    max_workers: Positive

    @model_validator(mode="after")
    def _ordered(self) -> AutoScale:
        if self.min_workers > self.max_workers:
            raise invalid("min_workers is more than max_workers", "Swap or correct the two numbers.")
        return self


@with_newer(fields_of("compute", "AwsAttributes"))
class AwsAttributes(Model):
    availability: Literal["ON_DEMAND", "SPOT", "SPOT_WITH_FALLBACK"] | None = None
    ebs_volume_count: Count | None = None
    ebs_volume_iops: Count | None = None
    ebs_volume_size: Count | None = None
    ebs_volume_throughput: Count | None = None
    ebs_volume_type: Literal["GENERAL_PURPOSE_SSD", "THROUGHPUT_OPTIMIZED_HDD"] | None = None
    first_on_demand: Count | None = None
    instance_profile_arn: str | None = None
    spot_bid_price_percent: Count | None = None
    zone_id: str | None = None


@with_newer(fields_of("compute", "LogAnalyticsInfo"))
class LogAnalytics(Model):
    log_analytics_primary_key: str | None = None
    log_analytics_workspace_id: str | None = None


@with_newer(fields_of("compute", "AzureAttributes"))
class AzureAttributes(Model):
    availability: Literal["ON_DEMAND_AZURE", "SPOT_AZURE", "SPOT_WITH_FALLBACK_AZURE"] | None = None
    capacity_reservation_group: str | None = None
    first_on_demand: Count | None = None
    log_analytics_info: LogAnalytics | None = None
    spot_bid_max_price: Number | None = None


@with_newer(fields_of("compute", "GcpAttributes"))
class GcpAttributes(Model):
    availability: Literal["ON_DEMAND_GCP", "PREEMPTIBLE_GCP", "PREEMPTIBLE_WITH_FALLBACK_GCP"] | None = None
    boot_disk_size: Count | None = None
    confidential_compute_type: Literal["CONFIDENTIAL_COMPUTE_TYPE_NONE", "SEV_SNP"] | None = None
    first_on_demand: Count | None = None
    google_service_account: str | None = None
    local_ssd_count: Count | None = None
    use_preemptible_executors: bool | None = None
    zone_id: str | None = None


class Destination(Model):
    destination: str


@with_newer(fields_of("compute", "S3StorageInfo"))
class S3Destination(Destination):
    canned_acl: str | None = None
    enable_encryption: bool | None = None
    encryption_type: str | None = None
    endpoint: str | None = None
    kms_key: str | None = None
    region: str | None = None


@with_newer(fields_of("compute", "ClusterLogConf"))
class LogConf(Model):
    dbfs: Destination | None = None
    s3: S3Destination | None = None
    volumes: Destination | None = None


@with_newer(fields_of("compute", "InitScriptInfo"))
class InitScript(Model):
    abfss: Destination | None = None
    dbfs: Destination | None = None
    file: Destination | None = None
    gcs: Destination | None = None
    s3: S3Destination | None = None
    volumes: Destination | None = None
    workspace: Destination | None = None


class DockerAuth(Model):
    username: str | None = None
    password: str | None = None


@with_newer(fields_of("compute", "DockerImage"))
class DockerImage(Model):
    url: str | None = None
    basic_auth: DockerAuth | None = None


@with_newer(fields_of("compute", "ClientsTypes"))
class Clients(Model):
    jobs: bool | None = None
    notebooks: bool | None = None


@with_newer(fields_of("compute", "WorkloadType"))
class WorkloadType(Model):
    clients: Clients


class CloneFrom(Model):
    source_cluster_id: str


class NodeTypes(Model):
    alternate_node_type_ids: tuple[str, ...] | None = None
    aws_context_id: str | None = None


SecurityMode = Literal[
    "DATA_SECURITY_MODE_AUTO",
    "DATA_SECURITY_MODE_DEDICATED",
    "DATA_SECURITY_MODE_STANDARD",
    "LEGACY_PASSTHROUGH",
    "LEGACY_SINGLE_USER",
    "LEGACY_SINGLE_USER_STANDARD",
    "LEGACY_TABLE_ACL",
    "NONE",
    "SINGLE_USER",
    "USER_ISOLATION",
]
DependencyMode = Literal[
    "DEPENDENCY_MODE_AUTO", "DEPENDENCY_MODE_CLUSTER_LIBRARIES", "DEPENDENCY_MODE_ENVIRONMENTS"
]


@with_newer(parameters_of("compute", "ClustersAPI", "create"))
class ClusterSettings(Model):
    """Settings of the Clusters create call."""

    spark_version: str
    apply_policy_default_values: bool | None = None
    autoscale: AutoScale | None = None
    autotermination_minutes: Minutes | None = None
    aws_attributes: AwsAttributes | None = None
    azure_attributes: AzureAttributes | None = None
    clone_from: CloneFrom | None = None
    cluster_log_conf: LogConf | None = None
    cluster_name: str | None = None
    custom_tags: Texts | None = Field(default=None, max_length=45)
    data_security_mode: SecurityMode | None = None
    dependency_mode: DependencyMode | None = None
    docker_image: DockerImage | None = None
    driver_instance_pool_id: str | None = None
    driver_node_type_flexibility: NodeTypes | None = None
    driver_node_type_id: str | None = None
    enable_elastic_disk: bool | None = None
    enable_local_disk_encryption: bool | None = None
    gcp_attributes: GcpAttributes | None = None
    init_scripts: tuple[InitScript, ...] | None = None
    instance_pool_id: str | None = None
    is_single_node: bool | None = None
    kind: Literal["CLASSIC_PREVIEW"] | None = None
    node_type_id: str | None = None
    num_workers: Count | None = None
    policy_id: str | None = None
    remote_disk_throughput: Count | None = None
    runtime_engine: Literal["NULL", "PHOTON", "STANDARD"] | None = None
    single_user_name: str | None = None
    spark_conf: Texts | None = None
    spark_env_vars: Texts | None = None
    ssh_public_keys: tuple[str, ...] | None = Field(default=None, max_length=10)
    total_initial_remote_disk_size: Count | None = None
    use_ml_runtime: bool | None = None
    worker_node_type_flexibility: NodeTypes | None = None
    workload_type: WorkloadType | None = None

    @model_validator(mode="after")
    def _agrees(self) -> ClusterSettings:
        if self.num_workers is not None and self.autoscale is not None:
            raise invalid("num_workers and autoscale exclude each other", "Remove one of the two.")
        return self


class Channel(Model):
    name: str | None = None
    dbsql_version: str | None = None


class TagPair(Model):
    key: str
    value: Text


class WarehouseTags(Model):
    custom_tags: tuple[TagPair, ...] = Field(default=(), max_length=44)


WarehouseSize = Literal[
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
]


@with_newer(parameters_of("sql", "WarehousesAPI", "create"))
class WarehouseSettings(Model):
    """Settings of the SQL Warehouses create call."""

    auto_stop_mins: Count | None = None
    channel: Channel | None = None
    cluster_size: WarehouseSize | None = None
    creator_name: str | None = None
    customer_version_label: str | None = None
    enable_photon: bool | None = None
    enable_serverless_compute: bool | None = None
    instance_profile_arn: str | None = None
    max_dbu: Whole | None = None
    max_num_clusters: Annotated[int, Field(ge=1, le=40), WHOLE] | None = None
    min_num_clusters: Annotated[int, Field(ge=1, le=30), WHOLE] | None = None
    name: str | None = None
    reyden_cluster_size_multiplier: Number | None = None
    spot_instance_policy: Literal["COST_OPTIMIZED", "POLICY_UNSPECIFIED", "RELIABILITY_OPTIMIZED"] | None = (
        None
    )
    statement_timeout: Count | None = None
    tags: WarehouseTags | None = None
    warehouse_type: Literal["CLASSIC", "PRO", "REALTIME", "TYPE_UNSPECIFIED"] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> WarehouseSettings:
        if 0 < (self.auto_stop_mins or 0) < 10 and not self.enable_serverless_compute:
            raise invalid(f"auto_stop_mins is {self.auto_stop_mins}", "Write 0 (never) or 10 and more.")
        if (self.min_num_clusters or 1) > (self.max_num_clusters or self.min_num_clusters or 1):
            raise invalid(
                "min_num_clusters is more than max_num_clusters", "Swap or correct the two numbers."
            )
        return self


def plain_settings(settings: Model) -> dict[str, Any]:
    """Return the settings as JSON values for the create call: what was written, numbers as numbers."""
    return settings.model_dump(mode="json", exclude_unset=True)
