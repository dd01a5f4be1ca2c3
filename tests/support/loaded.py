"""What the commands of the project import, done once in the process that they are forked from."""

from __future__ import annotations

import gc
import importlib

gc.disable()
for _module in (
    "dagster._core.instance.factory",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.workspace.autodiscovery",
    "dara_dagster.api.server",
    "dara_dagster.cli.app",
    "dara_dagster.cli.execution",
    "dara_dagster.cli.project",
    "dara_dagster.defs.definitions",
    "dara_dagster.defs.repository",
    "dara_dagster.executor.home",
    "dara_dagster.executor.storage",
    "databricks.sdk.service.workspace",
    "rich._emoji_codes",
    "upath.implementations.local",
):
    importlib.import_module(_module)
gc.freeze()
gc.enable()
