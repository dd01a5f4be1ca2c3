"""Runs a job in a process of its own: -m tests.defs.run_job HOME CONFIG JOB EXECUTOR [FAILED_RUN]."""

from __future__ import annotations

import sys

from dagster import (
    DagsterInstance,
    JobDefinition,
    ReexecutionOptions,
    build_reconstructable_job,
    execute_job,
    in_process_executor,
    multiprocess_executor,
)

from dara_dagster.defs.repository import job_from_config

EXECUTORS = {"in_process": in_process_executor, "multiprocess": multiprocess_executor}


def job_under(config: str, name: str, executor: str) -> JobDefinition:
    """A project's job with another executor ("dara": its own)."""
    job = job_from_config(config, name)
    if executor == "dara":
        return job
    return job.graph.to_job(
        name=name, resource_defs=job.resource_defs, executor_def=EXECUTORS[executor], tags=job.tags
    )


def main() -> None:
    home, config, name, executor = sys.argv[1:5]
    with DagsterInstance.local_temp(home) as instance:
        job = build_reconstructable_job("tests.defs.run_job", "job_under", (config, name, executor))
        again = ReexecutionOptions.from_failure(sys.argv[5], instance) if len(sys.argv) > 5 else None
        execute_job(job, instance=instance, raise_on_error=False, reexecution_options=again)


if __name__ == "__main__":
    main()
