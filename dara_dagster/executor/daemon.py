"""Runs Dagster's daemon (schedules, sensors, the queue of runs) as a child that ends with its parent.

`python -m dara_dagster.executor.daemon PIPE [options of dagster-daemon run]`
"""

from __future__ import annotations

import sys

import dagster._cli.utils
from dagster._daemon.cli import run_command

from dara_dagster.executor.parent_watch import end_with

if __name__ == "__main__":
    # The server has read `.env`, which does not override the environment; here it would.
    setattr(dagster._cli.utils, "get_env_var_dict", lambda base_dir: {})  # noqa: B010
    end_with(int(sys.argv[1]))
    run_command(sys.argv[2:], prog_name="dagster-daemon run")
