"""`dara report`: where the time of one run went."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dara_dagster.cli.project import config_option, json_option, open_history
from dara_dagster.cli.render.html_option import html_option, write_page
from dara_dagster.errors import RunError

__all__ = ["report"]


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@html_option
@config_option
@json_option
def report(run_id: str | None, page: Path | None, config_dir: Path, as_json: bool) -> None:
    """Show where the time of a RUN went: chart, critical path.

    RUN is a run's id, of which the first characters are enough; without it the latest run is shown.
    """
    from dara_dagster.cli.render.charts import print_report
    from dara_dagster.history.pages.report import report_page
    from dara_dagster.history.report import read_report
    from dara_dagster.history.status import latest_runs

    with open_history(config_dir) as instance:
        if run_id is None:
            latest = latest_runs(instance, limit=1)
            if not latest:
                raise RunError("No runs yet. `dara run WORKFLOW` starts one.")
            run_id = latest[0].run_id
        found = read_report(instance, run_id)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        print_report(found)
    if page is not None:
        write_page(page, report_page(found), quiet=as_json)
