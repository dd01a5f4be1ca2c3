"""A code location with one sample job, for Dagster's own commands."""

from dagster import Definitions

from tests.executor.sample_jobs import get_job

defs = Definitions(jobs=[get_job("stoppable", "dara")])
