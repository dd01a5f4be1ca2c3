"""`dara status`: the latest runs, or one run task by task, from Dagster's own storage."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dara_dagster.cli.project import config_option, has_history, json_option, open_history

__all__ = ["status"]


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=15, show_default=True, help="How many runs.")
@config_option
@json_option
def status(run_id: str | None, limit: int, config_dir: Path, as_json: bool) -> None:
    """Show the latest runs, or one RUN task by task.

    RUN is a run's id; its first characters are enough.
    """
    from dara_dagster.cli.render.tables import print_run, print_runs
    from dara_dagster.history.status import latest_runs, read_status

    if run_id is None and not has_history(config_dir):
        click.echo("[]") if as_json else print_runs(())
        return
    with open_history(config_dir) as instance:
        if run_id is None:
            runs = latest_runs(instance, limit)
            if as_json:
                click.echo(json.dumps([run.as_json() for run in runs], indent=2))
            else:
                print_runs(runs)
            return
        found = read_status(instance, run_id)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        print_run(found)
