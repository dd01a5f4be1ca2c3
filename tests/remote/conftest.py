"""The library's own client on a fresh workspace of the emulator, reached as any Databricks host is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dara_dagster.remote.client import Workspace, open_workspace
from tests.conftest import Emulator


@pytest.fixture
def workspace(emulator: Emulator, workspace_token: str, tmp_path: Path) -> Workspace:
    environ = {"DATABRICKS_HOST": emulator.host, "DATABRICKS_TOKEN": workspace_token}
    return open_workspace("databricks", root=tmp_path, environ=environ)
