"""Starts `python -m dara_dagster.emulator.task`: the parent of all task processes, or one task when a spec is
named.
"""

from __future__ import annotations

import os
import sys

from dara_dagster.emulator.task.fork_server import main

if __name__ == "__main__":
    if len(sys.argv) > 1:
        from dara_dagster.emulator.task.process import run_spec

        os._exit(run_spec(sys.argv[1]))  # exit handlers of clients must not hold it up
    main()
