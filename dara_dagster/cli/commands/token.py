"""`dara token`: the named tokens of `dara serve`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.project import config_option, home_folder, json_option

if TYPE_CHECKING:
    from dara_dagster.api.tokens import TokenFile, TokenScope

__all__ = ["token"]


@click.group()
def token() -> None:
    """Make and revoke the tokens that `dara serve` takes, one for each caller."""


@token.command("add")
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["read", "run"]),
    default="run",
    show_default=True,
    help="read: see runs and the UI; run: also start, cancel and change.",
)
@config_option
def add(name: str, scope: TokenScope, config_dir: Path) -> None:
    """Make a token and print it, this once; only its hash is kept."""
    click.echo(_file(config_dir).add(name, scope))


@token.command("list")
@config_option
@json_option
def list_tokens(config_dir: Path, as_json: bool) -> None:
    """Show whose tokens there are, and what they may do."""
    found = _file(config_dir).entries()
    if as_json:
        rows = [{"name": name, "scope": each.scope, "created": each.created} for name, each in found.items()]
        click.echo(json.dumps(rows, indent=2))
        return
    for name, each in found.items():
        click.echo(f"{name:<30} {each.scope:<5} {each.created}")
    if not found:
        click.echo("There are no tokens. `dara token add NAME` makes one.")


@token.command("revoke")
@click.argument("name")
@config_option
def revoke(name: str, config_dir: Path) -> None:
    """Let the token be refused from the next request on, and the sessions begun with it."""
    _file(config_dir).revoke(name)
    click.echo(f"{name}: revoked")


def _file(config_dir: Path) -> TokenFile:
    from dara_dagster.api.tokens import TOKENS_FILE, TokenFile

    return TokenFile(home_folder(config_dir) / TOKENS_FILE)
