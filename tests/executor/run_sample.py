"""Runs one sample job in a process of its own: `python -m tests.executor.run_sample NAME EXECUTOR CONFIG`."""

import json
import sys

from dagster import DagsterInstance, execute_job

from tests.executor.sample_jobs import reconstructable


def main() -> int:
    name, executor, config = sys.argv[1:]
    job = reconstructable(name, executor, json.loads(config))
    with DagsterInstance.get() as instance, execute_job(job, instance) as result:
        return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main())
