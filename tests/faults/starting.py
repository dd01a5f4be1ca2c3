"""What a forked process does: the `dara` command, with its own folder, environment and terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import databricks.sdk.service.jobs
import databricks.sdk.service.workspace  # noqa: F401  (imported once, before the forks)

import dara_dagster.cli.app  # noqa: F401
from dara_dagster.cli import main


def run_dara(folder: Path, environ: Mapping[str, str], log: Path, arguments: Sequence[str]) -> None:
    """`dara ARGUMENTS` in `folder`; stdout and stderr go to `log`."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["dara", *arguments]
    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
