"""`dara cancel`: ends a run that another process carries, wherever it was started."""

from __future__ import annotations

import time
from pathlib import Path

import click

from dara_dagster.cli.project import config_option, load_plan, open_history
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import RunError

__all__ = ["cancel"]

_LOOK_SECONDS = 0.25


@click.command()
@click.argument("run_id", metavar="RUN_ID")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to wait.")
@config_option
def cancel(run_id: str, wait: float, config_dir: Path) -> None:
    """Cancel a run and every Databricks run it has in flight.

    RUN_ID is the run's id; its first characters are enough. Exit code 1 when it did not end in time.
    """
    from dara_dagster.history.cancel import end_abandoned, request_end, still_alive
    from dara_dagster.history.status import RunReader, find_run

    with open_history(config_dir) as instance:
        reader = RunReader(instance, find_run(instance, run_id))
        status = reader.update()
        if status.over:
            say(f"Run {status.run_id} has already ended: {status.state}.")
            return
        request_end(instance, status)
        deadline = time.monotonic() + wait
        while not (status := reader.update()).over:
            if status.abandoned:
                end_abandoned(instance, status, lambda: load_plan(config_dir))
            elif time.monotonic() > deadline:
                raise RunError(f"run {status.run_id} has not ended within {wait:g} s.\n{still_alive(status)}")
            else:
                time.sleep(_LOOK_SECONDS)
    say(f"Run {status.run_id} ended: {status.state}.")
