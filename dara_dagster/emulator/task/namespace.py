"""The names a notebook or script finds: `spark`, `dbutils`, `display` and the modules that stand for
Databricks' own.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any

from dara_dagster.emulator.sail import delta_tables
from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.task.dbutils import DBUtils
from dara_dagster.emulator.task.display import display, display_html
from dara_dagster.emulator.task.spec import TaskSpec

__all__ = ["install_modules", "main_namespace"]


def main_namespace(spark: LocalSpark, dbutils: DBUtils) -> dict[str, Any]:
    """Return a fresh `__main__` module's names. It has no `__file__`, as on Databricks.

    Its `__spec__` is set because pyspark takes a main module without spec and file for a doctest and exits.
    """
    module = types.ModuleType("__main__")
    module.__spec__ = importlib.machinery.ModuleSpec("__main__", None)
    sys.modules["__main__"] = module
    module.__dict__.update(_globals(spark, dbutils))
    return module.__dict__


def _globals(spark: LocalSpark, dbutils: DBUtils) -> dict[str, Any]:
    from pyspark.sql.functions import udf

    return {
        "spark": spark,
        "dbutils": dbutils,
        "display": display,
        "displayHTML": display_html,
        "sql": spark.sql,
        "table": spark.table,
        "udf": udf,
        "getArgument": dbutils.widgets.getArgument,
    }


def install_modules(spec: TaskSpec, spark: LocalSpark, dbutils: DBUtils) -> None:
    """Make `delta`, `dbruntime` and `pyspark.dbutils` importable.

    `databricks.sdk.runtime` takes its names from `dbruntime` when that exists (databricks-sdk 0.162,
    runtime/__init__.py).
    """
    delta_tables.install()
    names = _globals(spark, dbutils)

    class UserNamespaceInitializer:
        @staticmethod
        def getOrCreate() -> type[UserNamespaceInitializer]:
            return UserNamespaceInitializer

        @staticmethod
        def get_namespace_globals() -> dict[str, Any]:
            return names

    context = types.SimpleNamespace(
        apiUrl=spec.host,
        apiToken=spec.token,
        browserHostName=spec.host.partition("://")[2],
        clusterId=spec.cluster_id,
        currentRunId=str(spec.run_id),
        jobId=str(spec.job_id),
        notebookPath=spec.path,
        user=spec.user,
        workspaceUrl=None,  # the SDK would reach for https://<workspaceUrl>; DATABRICKS_HOST is set instead
    )
    runtime = types.ModuleType("dbruntime")
    runtime.__dict__.update(
        UserNamespaceInitializer=UserNamespaceInitializer, display=display, dbutils=dbutils
    )
    repl = types.ModuleType("dbruntime.databricks_repl_context")
    repl.__dict__["get_context"] = lambda: context
    shortcut = types.ModuleType("pyspark.dbutils")
    shortcut.__dict__["DBUtils"] = lambda *_: dbutils
    sys.modules.update({m.__name__: m for m in (runtime, repl, shortcut)})
