"""`dara app init`: writes what Databricks Apps needs to run this project's server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import click

from dara_dagster.cli.project import config_option, json_option, load_plan, root_folder
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import DaraError

__all__ = ["app"]

HOME = "dagster_home"
_RESOURCE = "postgres"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,28}[a-z0-9]")
_NAME_RULE = "2 to 30 lower-case letters, digits and hyphens"

_APP = """\
# How Databricks Apps runs this project. Keys: https://docs.databricks.com/aws/en/dev-tools/databricks-apps/app-runtime
command: ["dara", "serve", "--home", "{home}"]
env:
  - name: DARA_WORKSPACE
    value: databricks
  # The history's database; its password is asked for with this.
  - name: LAKEBASE_ENDPOINT
    valueFrom: {resource}
  # Who may use the server, of those whom the app lets in:
  # - name: DARA_API_USERS
  #   value: ana@example.com,bo@example.com
"""
_BUNDLE = """\
# Deploys the app: databricks bundle deploy && databricks bundle run {key}
# Keys: https://docs.databricks.com/aws/en/dev-tools/bundles/resources#app
bundle:
  name: {name}

variables:
  postgres_branch:
    description: "The Lakebase branch: projects/PROJECT/branches/BRANCH"
  postgres_database:
    description: "Its database, as `databricks postgres list-databases BRANCH` names it"

sync:
  exclude:
    - .env
    - .dara/**

resources:
  apps:
    {key}:
      name: {name}
      description: {description}
      source_code_path: .
      resources:
        - name: {resource}
          description: Dagster's history
          postgres:
            branch: ${{var.postgres_branch}}
            database: ${{var.postgres_database}}
            permission: CAN_CONNECT_AND_CREATE

targets:
  dev:
    default: true
"""


@click.group()
def app() -> None:
    """Run this project's server in Databricks Apps."""


@app.command()
@click.option("--name", help="The app's name.  [default: dara- and the project's name]")
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@config_option
@json_option
def init(name: str | None, force: bool, config_dir: Path, as_json: bool) -> None:
    """Write app.yaml, a bundle that deploys it, and what they need.

    A file that is there already is kept, unless --force is given.
    """
    from dara_dagster.config.environment import example_file

    plan, root = load_plan(config_dir), root_folder(config_dir)
    if name is not None and _NAME.fullmatch(name) is None:
        raise DaraError(f"--name {name[:100]!r}: the name of an app is {_NAME_RULE}.")
    done = dict(
        _write_all(root, {**_files(plan.name, name, root), ".env.example": example_file()}, force=force)
    )
    if as_json:
        click.echo(json.dumps({"folder": str(root), "files": done}, indent=2))
        return
    for file, what in done.items():
        say(f"{what:<9}  {file}")
    if "kept" in done.values():
        say("What is kept differs from what would be written: --force overwrites it.")
    say("Next: `databricks bundle deploy`, with the two variables of databricks.yml.")


def _files(project: str, name: str | None, root: Path) -> Mapping[str, str]:
    from dara_dagster.executor.home import lakebase_yaml

    own = name or _app_name(project)
    bundle = _BUNDLE.format(
        key=own.replace("-", "_"),
        name=own,
        description=json.dumps(f"Dagster for {project}", ensure_ascii=False),
        resource=_RESOURCE,
    )
    is_clone = (root / "dara_dagster" / "__init__.py").exists()
    package = ".[serve,postgres]" if is_clone else f"dara-dagster[serve,postgres]=={version('dara-dagster')}"
    return {
        "app.yaml": _APP.format(home=HOME, resource=_RESOURCE),
        "databricks.yml": bundle,
        f"{HOME}/dagster.yaml": lakebase_yaml(),
        "requirements.txt": f"{package}\n",
    }


def _app_name(project: str) -> str:
    """Return a name an app can have, made from the project's."""
    plain = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")
    return f"dara-{plain}"[:30].strip("-")


def _write_all(root: Path, files: Mapping[str, str], *, force: bool) -> Iterator[tuple[str, str]]:
    """Write each file and yield (file, what was done): written, unchanged, or kept."""
    for name, text in files.items():
        file = root / name
        try:
            before = file.read_text(encoding="utf-8") if file.exists() else None
            if before == text:
                yield name, "unchanged"
            elif before is not None and not force:
                yield name, "kept"
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
                yield name, "written"
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise DaraError(f"{file} cannot be written: {reason}.") from None
