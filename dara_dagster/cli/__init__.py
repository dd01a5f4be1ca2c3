"""The `dara` command: parse, call, print, exit code."""

from dara_dagster.cli.app import main

__all__ = ["main"]
