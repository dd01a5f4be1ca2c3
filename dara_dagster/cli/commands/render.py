"""`dara render`: a workflow as the JSON of a saved Databricks job, printed, written or compared."""

from __future__ import annotations

import difflib
import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dara_dagster.cli.commands.deploy import drafts
from dara_dagster.cli.project import command, config_folder, load_plan
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import FileError

if TYPE_CHECKING:
    from dara_dagster.config.plan import Plan

__all__ = ["render"]

_MOST_LINES = 40


@click.command()
@click.argument("workflow", metavar="WORKFLOW|FILE")
@click.option(
    "--parameters",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Parameters file for FILE; a later one lies over the ones before.",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write it there.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the output is out of date.")
@click.option(
    "--config",
    "config_dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the config files (default: config/ here or above; for FILE that of the parameters).",
)
def render(
    workflow: str, parameters: tuple[Path, ...], output: Path | None, check: bool, config_dir: Path | None
) -> None:
    """Print a workflow's job as JSON of the Jobs API.

    WORKFLOW is one of the project; FILE is a definition anywhere, no project is needed. Needs no login:
    `<id of cluster 'etl'>` stands in place of an id. What a saved job does otherwise than Dagster is put on
    stderr.
    """
    file = Path(workflow)
    is_file = file.suffix in (".json", ".py")
    if parameters and not is_file:
        raise click.UsageError("--parameters goes with a FILE; a project has its parameters in config/.")
    if check and output is None:
        raise click.UsageError("--check compares with a file: name it with --output.")
    plan = _plan_of(file, parameters, config_dir) if is_file else load_plan(config_folder(config_dir))
    [draft] = drafts(plan, [plan.workflows[0].name if is_file else workflow])
    if output is None:
        click.echo(json.dumps(draft.settings, indent=2))
    elif check:
        _compare(output, draft.settings)
    else:
        _write(output, json.dumps(draft.settings, indent=2) + "\n")
        say(f"{output} written")
    for line in draft.notes if not check else ():
        say(line, err=True)


def _plan_of(file: Path, parameters: tuple[Path, ...], folder: Path | None) -> Plan:
    """Return the plan of one file. Raises FileError or ConfigError."""
    from dara_dagster.config.loader import load_file
    from dara_dagster.config.resolve import make_plan

    if not file.is_file():
        raise FileError(f"{file}: there is no such file.")
    folder = folder or (parameters[0] if parameters else file).parent
    return make_plan(load_file(file, parameters=parameters, folder=folder))


def _compare(output: Path, settings: Any) -> None:
    """Exit with 1 when the file is not what would be written; how it is laid out does not count."""
    try:
        text = output.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{output} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    try:
        now = json.loads(text)
    except ValueError:
        now = None
    if now == json.loads(json.dumps(settings)):
        say(f"{output} is up to date")
        return
    state = "is out of date" if now is not None else "is not valid JSON" if text else "does not exist"
    say(f"{output} {state}. Run `{command()} render` without --check and commit it.", err=True)
    if now is not None:
        old, new = (json.dumps(each, indent=2, sort_keys=True).splitlines() for each in (now, settings))
        lines = difflib.unified_diff(old, new, str(output), "rendered now", lineterm="", n=1)
        for line in islice(lines, _MOST_LINES):
            click.echo(line, err=True)
    raise click.exceptions.Exit(1)


def _write(output: Path, text: str) -> None:
    """Write the file, with the folders to it. Raises FileError."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        wrong = f"{output} cannot be written: {error.strerror or error}"
        raise FileError(f"{wrong}. Name another file.") from None
