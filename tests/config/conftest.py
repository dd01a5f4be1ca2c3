"""A project in a folder of its own, written file by file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config import Plan, check, load, make_plan
from dara_dagster.errors import Problem

CLUSTERS = {"etl cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": "2"}}
WAREHOUSES = {"bi": {"cluster_size": "2X-Small", "auto_stop_mins": "10"}}
NOTEBOOK = "# Databricks notebook source\nprint(1)\n"


def entry(**more: Any) -> dict[str, Any]:
    """The entry of the task `a`."""
    return {"file_name": "a", "format": "py", **more}


class Project:
    """`write` puts files below config/, `notebook` and `file` below notebooks/."""

    def __init__(self, root: Path) -> None:
        self.root, self.config = root, root / "config"
        (self.config / "workflows").mkdir(parents=True)
        (root / "notebooks").mkdir()
        self.write("cluster_config.json", CLUSTERS)
        self.write("warehouse_config.json", WAREHOUSES)

    def write(self, name: str, content: Any) -> Project:
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (self.config / name).write_text(text)
        return self

    def file(self, name: str, content: str = NOTEBOOK) -> Project:
        path = self.root / "notebooks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return self

    def files(self, *names: str) -> Project:
        for name in names:
            self.file(name)
        return self

    def problems(self, environ: Mapping[str, str] | None = None) -> list[Problem]:
        return check(load(self.config, environ or {}))

    def plan(self, environ: Mapping[str, str] | None = None) -> Plan:
        return make_plan(load(self.config, environ or {}))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")
