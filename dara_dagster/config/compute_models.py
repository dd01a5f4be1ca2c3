"""The settings a cluster or SQL warehouse may have.

The keys, their types and the values of enums are those of the create calls of the installed databricks-sdk,
`ClustersAPI.create` and `WarehousesAPI.create`. What stands here is asked besides: limits of the API that no
type says, and that settings agree with each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Optional

from pydantic import AfterValidator, Field, create_model, model_validator

from dara_dagster.config.fields import WHOLE, Count, FromSdk, Model, Number, Positive, Text, Texts, invalid
from dara_dagster.config.sdk_fields import SdkField, fields_of, members_of, parameters_of


def _minutes(value: int) -> int:
    if value and not 10 <= value <= 10000:
        raise invalid(f"{value} minutes are out of range", "Write 0 (never) or 10 to 10000.")
    return value


class _AutoScale(Model):
    min_workers: Count
    max_workers: Positive

    @model_validator(mode="after")
    def _ordered(self) -> _AutoScale:
        if self.min_workers > self.max_workers:
            raise invalid("min_workers is more than max_workers", "Swap or correct the two numbers.")
        return self


class _Cluster(FromSdk):
    """Settings of the Clusters create call."""

    autotermination_minutes: Annotated[Count, AfterValidator(_minutes)] | None = None
    custom_tags: Texts | None = Field(default=None, max_length=45)
    ssh_public_keys: tuple[str, ...] | None = Field(default=None, max_length=10)

    @model_validator(mode="after")
    def _agrees(self) -> _Cluster:
        if all(getattr(self, key, None) is not None for key in ("num_workers", "autoscale")):
            raise invalid("num_workers and autoscale exclude each other", "Remove one of the two.")
        return self


class _TagPair(Model):
    key: str
    value: Text


class _WarehouseTags(Model):
    custom_tags: tuple[_TagPair, ...] = Field(default=(), max_length=44)


class _Warehouse(FromSdk):
    """Settings of the SQL Warehouses create call."""

    auto_stop_mins: Count | None = None
    cluster_size: (
        Literal[
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
        | None
    ) = None
    enable_serverless_compute: bool | None = None
    max_num_clusters: Annotated[int, Field(ge=1, le=40), WHOLE] | None = None
    min_num_clusters: Annotated[int, Field(ge=1, le=30), WHOLE] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> _Warehouse:
        if 0 < (self.auto_stop_mins or 0) < 10 and not self.enable_serverless_compute:
            raise invalid(f"auto_stop_mins is {self.auto_stop_mins}", "Write 0 (never) or 10 and more.")
        if (self.min_num_clusters or 1) > (self.max_num_clusters or self.min_num_clusters or 1):
            raise invalid(
                "min_num_clusters is more than max_num_clusters", "Swap or correct the two numbers."
            )
        return self


# Classes of the SDK for which more is asked than it says.
_OURS: Mapping[str, type[Model]] = {
    "AutoScale": _AutoScale,
    "EndpointTagPair": _TagPair,
    "EndpointTags": _WarehouseTags,
}
_PLAIN: Mapping[str, Any] = {
    "bool": bool,
    "int": Count,
    "float": Number,
    "str": str,
    "Dict[str, str]": Texts,
}


def _type(module: str, annotation: str) -> Any:
    """Return the type of a value for what the SDK has there; Any for what is none of the kinds below."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    outer, _, inner = annotation.removesuffix("]").partition("[")
    if outer == "Optional":
        return Optional[_type(module, inner)]  # noqa: UP045 (Any has no `|` with None)
    if outer == "List":
        return tuple[_type(module, inner), ...]  # type: ignore[misc]
    if fields_of(module, annotation):
        return _class(module, annotation)
    members = members_of(module, annotation)
    return Literal[members] if members else Any


@cache
def _class(module: str, name: str) -> type[Model]:
    return _model(name, module, fields_of(module, name), _OURS.get(name, Model))


def _model(name: str, module: str, fields: Mapping[str, SdkField], base: type[Model]) -> type[Model]:
    """Return `base` with the fields of the SDK that it does not have itself."""
    newer: dict[str, Any] = {
        key: (_type(module, field.annotation), ... if field.required else None)
        for key, field in fields.items()
        if key not in base.model_fields
    }
    text = None if base is Model else base.__doc__
    late = {"defer_build": True}  # until a value is read: most projects have few of these classes
    return create_model(name, __base__=base, __doc__=text, __module__=__name__, __cls_kwargs__=late, **newer)


ClusterSettings: Any = _model(
    "ClusterSettings", "compute", parameters_of("compute", "ClustersAPI", "create"), _Cluster
)
WarehouseSettings: Any = _model(
    "WarehouseSettings", "sql", parameters_of("sql", "WarehousesAPI", "create"), _Warehouse
)


def plain_settings(settings: Model) -> dict[str, Any]:
    """Return the settings as JSON values for the create call: what was written, numbers as numbers."""
    return settings.model_dump(mode="json", exclude_unset=True)
