"""Carries one run with its caller's token, which comes through stdin and is nowhere but in memory.

`python -m dara_dagster.api.caller_process RUN_ID PIPE`
"""

from __future__ import annotations

import sys

from dagster import DagsterInstance

from dara_dagster.executor.created_run import execute_created_run
from dara_dagster.executor.parent_watch import end_with
from dara_dagster.workspace.caller import act_for

if __name__ == "__main__":
    end_with(int(sys.argv[2]))
    act_for(sys.stdin.read())
    with DagsterInstance.get() as instance:
        execute_created_run(instance, sys.argv[1])
