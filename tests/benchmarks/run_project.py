"""Runs one job of a project folder, to be measured; arguments: CONFIG JOB, and `links` to print them."""

import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from dagster import DagsterInstance, build_reconstructable_job, execute_job

from dara_dagster.defs.repository import built_once
from dara_dagster.executor.events import Event, Recorded, read
from dara_dagster.executor.gc_tuning import tuned_gc
from dara_dagster.executor.home import write_dagster_yaml


def main() -> int:
    write_dagster_yaml(Path(os.environ["DAGSTER_HOME"]))
    began = time.monotonic()
    # As `dara run` does.
    with built_once(), tuned_gc(), DagsterInstance.get() as instance:
        arguments = tuple(sys.argv[1:3])
        job = build_reconstructable_job("dara_dagster.defs.repository", "job_from_config", arguments)
        result = execute_job(job, instance)
        times = {"run_seconds": time.monotonic() - began}
        if "links" in sys.argv[3:]:
            times["link_seconds"] = _link_seconds(read(instance, result.run_id)[0])
        print(json.dumps(times))
        return 0 if result.success else 1


def _link_seconds(events: tuple[Event, ...]) -> float:
    """In a chain: the median time from seeing the end of one run to having submitted the next."""
    ends = [event.time for event in events if isinstance(event, Recorded) and event.kind == "result"]
    submits = [event.time for event in events if isinstance(event, Recorded) and event.kind == "submitted"]
    gaps = [max(0.0, submit - end) for end, submit in zip(ends, submits[1:], strict=False)]
    return median(gaps) if gaps else 0.0


if __name__ == "__main__":
    sys.exit(main())
