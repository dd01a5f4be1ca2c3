"""Carries a run that has been made already, in this process, from the code it was made with."""

from __future__ import annotations

from dagster import DagsterInstance
from dagster._grpc.impl import core_execute_run
from dagster._utils.hosted_user_process import recon_job_from_origin
from dagster._utils.interrupts import capture_interrupts

__all__ = ["execute_created_run"]


def execute_created_run(instance: DagsterInstance, run_id: str) -> None:
    """Execute the run to its end, as the processes do that Dagster itself starts for runs.

    What goes wrong is in the run's event log. Belongs in the main thread: SIGTERM ends the run. Raises
    `KeyError` for an unknown run.
    """
    with capture_interrupts():
        run = instance.get_run_by_id(run_id)
        if run is None or run.job_code_origin is None:
            raise KeyError(f"no Dagster run {run_id!r} with its code in this instance")
        job = recon_job_from_origin(run.job_code_origin)
        for _ in core_execute_run(job, run, instance, inject_env_vars=False):
            pass
