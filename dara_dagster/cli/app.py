"""Turns the command line into one command's call, and every error into a sentence and an exit code."""

from __future__ import annotations

import logging
import signal
from typing import Any

import click

from dara_dagster.cli.commands.app_init import app
from dara_dagster.cli.commands.cancel import cancel
from dara_dagster.cli.commands.compare import compare
from dara_dagster.cli.commands.compute import compute
from dara_dagster.cli.commands.demo import demo
from dara_dagster.cli.commands.deploy import deploy
from dara_dagster.cli.commands.doctor import doctor
from dara_dagster.cli.commands.emulator import emulator
from dara_dagster.cli.commands.orphans import orphans
from dara_dagster.cli.commands.render import render
from dara_dagster.cli.commands.report import report
from dara_dagster.cli.commands.run import run
from dara_dagster.cli.commands.serve import serve
from dara_dagster.cli.commands.status import status
from dara_dagster.cli.commands.token import token
from dara_dagster.cli.commands.validate import plan, schema, validate
from dara_dagster.cli.exit_codes import INTERRUPTED
from dara_dagster.cli.render.lines import WrappedLog, say, wrapped
from dara_dagster.errors import DaraError

__all__ = ["dara", "main"]

_COMMANDS = (
    demo,
    run,
    validate,
    plan,
    status,
    report,
    compare,
    cancel,
    orphans,
    deploy,
    render,
    compute,
    serve,
    token,
    app,
    schema,
    emulator,
    doctor,
)


class _Complaint(click.ClickException):
    """What the user has to read, without `Error:` in front of each of its lines."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        say(self.message, err=True)


class _Interrupted(_Complaint):
    """Ctrl-C where nothing is to be waited for; click itself would say `Aborted!` and exit with 1."""

    exit_code = INTERRUPTED

    def show(self, file: Any = None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ending
        super().show(file)


class _Dara(click.Group):
    """Commands in the order a newcomer meets them; no traceback for what a user can cause."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DaraError as error:
            raise _Complaint(str(error)) from None
        except KeyboardInterrupt as interrupt:
            raise _Interrupted(str(interrupt) or "Interrupted.") from None
        except click.ClickException as error:
            _wrap(error)
            raise
        except (click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise _unexpected(error) from None


def _wrap(error: click.ClickException) -> None:
    """Let click print its own error in lines that fit; it knows no other way to shape them."""
    whole = error.format_message
    vars(error)["format_message"] = lambda: wrapped(f"Error: {whole()}").removeprefix("Error: ")


def _unexpected(error: Exception) -> _Complaint:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _Complaint(
        f"unexpected error: {what}\n"
        "`dara --debug ...` shows where. Please report it to the project with that text."
    )


@click.group(cls=_Dara, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dara-dagster")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def dara(debug: bool) -> None:
    """Run Databricks work from plain config files, watched in Dagster.

    New here? `dara demo` runs the example on this computer, without a Databricks account.
    """


for _command in _COMMANDS:
    dara.add_command(_command)


def main() -> None:
    """Call the command that the arguments name, and exit."""
    logging.getLogger("dara_dagster").addHandler(WrappedLog(logging.WARNING))
    dara(prog_name="dara")
