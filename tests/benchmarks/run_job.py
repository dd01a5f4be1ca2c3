"""Runs one job to be measured and prints its times; arguments: SHAPE COUNT SECONDS EXECUTOR."""

import json
import os
import sys
import time
from pathlib import Path

from dagster import DagsterInstance, build_reconstructable_job, execute_job

from dara_dagster.executor.home import write_dagster_yaml
from tests.benchmarks.jobs import POOL


def main() -> int:
    shape, count, seconds, executor = sys.argv[1:]
    arguments = {"shape": shape, "count": int(count), "seconds": float(seconds), "executor": executor}
    write_dagster_yaml(Path(os.environ["DAGSTER_HOME"]))
    job = build_reconstructable_job("tests.benchmarks.jobs", "get_job", reconstructable_kwargs=arguments)
    began = time.monotonic()
    job.get_definition().get_job_snapshot_id()
    loaded = time.monotonic()
    with DagsterInstance.get() as instance:
        instance.event_log_storage.set_concurrency_slots(POOL, 20)
        result = execute_job(job, instance)
        run_seconds = time.monotonic() - loaded
        print(json.dumps({"load_seconds": loaded - began, "run_seconds": run_seconds}))
        return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main())
