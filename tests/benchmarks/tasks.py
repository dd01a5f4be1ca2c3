"""Whole projects on the local workspace, with simulated tasks: SDK, HTTP, watching and reporting included.

`python -m tests.benchmarks.tasks [--only NAME ...]`. The server's own CPU time is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from rich.console import Console
from rich.table import Table

from dara_dagster.workspace.emulator_process import ensure_emulator, stop_emulator
from tests.benchmarks.jobs import SHAPES
from tests.benchmarks.measure import Cost, measure


@dataclass(frozen=True)
class Case:
    """One workflow of simulated tasks."""

    name: str
    shape: str
    count: int
    seconds: float
    targets: Callable[[Cost, Mapping[str, float]], list[tuple[str, float, float]]]
    """From the cost and the times the run printed: name, value, largest value that is good enough."""
    cpu_target: str = ""


CASES = [
    Case(
        "1,000 tasks of 0.5 s, 300 slots",
        "sleepers",
        1000,
        0.5,
        lambda cost, times: [("whole process, s", cost.wall, 12.0)],
        cpu_target="<= 6",
    ),
    Case(
        "a chain of 10 tasks of 1 s",
        "chain",
        10,
        1.0,
        lambda cost, times: [
            ("whole process, s", cost.wall, 15.0),
            ("end to next submit, median s", times["link_seconds"], 0.3),
        ],
    ),
    Case(
        "300 waiting tasks",
        "sleepers",
        300,
        8.0,
        lambda cost, times: [("memory, MB", cost.seen_files, 250.0)],
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="parts of the names of the cases to measure")
    options = parser.parse_args()
    table = Table("measure", "ours", "target")
    with tempfile.TemporaryDirectory(prefix="dara-bench-") as folder:
        root = Path(folder)
        os.environ["DARA_EMULATOR_DATA"] = str(root / "workspace")
        try:
            _run(root, "one task, so that all is compiled", "sleepers", 1, 0.1)
            base = _run(root, "one task, for what a process costs", "sleepers", 1, 0.1)
            for case in CASES:
                if not options.only or any(part in case.name for part in options.only):
                    # Around the case, since the speed of shared machines changes from minute to minute.
                    before = _sdk_share(root)
                    cost = _run(root, case.name, case.shape, case.count, case.seconds)
                    _add_rows(table, case, cost, base, (before + _sdk_share(root)) / 2)
        finally:
            stop_emulator(root)
    Console(width=120).print(table)


def _add_rows(table: Table, case: Case, cost: Cost, base: Cost, sdk: float) -> None:
    times = json.loads(cost.output.splitlines()[-1])
    table.add_section()
    for name, value, limit in case.targets(cost, times):
        table.add_row(f"{case.name}: {name}", f"{value:.2f}", f"<= {limit:g}")
    per_task = (cost.cpu - base.cpu) / case.count * 1000
    table.add_row(f"{case.name}: CPU a task, ms", f"{per_task:.1f}", "")
    table.add_row(f"{case.name}: beyond the SDK's {sdk:.1f} ms", f"{per_task - sdk:.1f}", case.cpu_target)
    table.add_row(f"{case.name}: times the SDK's", f"{per_task / sdk:.1f}", "")
    table.add_row(f"{case.name}: CPU, s", f"{cost.cpu:.1f}", "")


def _sdk_share(root: Path, tasks: int = 200) -> float:
    """CPU time, in ms, of the least a task asks of the SDK: submit a run, look once, read its output."""
    status, token = ensure_emulator(root)
    jobs = WorkspaceClient(host=status.host, token=token).jobs
    task = SubmitTask("t", notebook_task=NotebookTask("/Workspace/Shared/simulated"))
    began = time.thread_time()
    for _ in range(tasks):
        run_id = jobs.submit(tasks=[task]).bind()["run_id"]
        run = jobs.get_run(run_id)
        jobs.get_run_output((run.tasks or [])[0].run_id or 0)
    return (time.thread_time() - began) / tasks * 1000


def _run(root: Path, name: str, shape: str, count: int, seconds: float) -> Cost:
    """Run a project of `count` tasks of so many seconds on the local workspace."""
    simulate(root, {"task_key": "*", "duration_ms": int(seconds * 1000), "pending_ms": 0})
    config = write_project(root, name, shape, count)
    arguments = [str(config), "measured", *(["links"] if shape == "chain" else [])]
    return measure("tests.benchmarks.run_project", *arguments)


def write_project(root: Path, name: str, shape: str, count: int, slots: int = 300) -> Path:
    """Write a project of `count` tasks, `slots` of them at a time; returns its folder `config`."""
    config = root / f"{shape}_{count}_{slots}" / "config"
    (config / "workflows").mkdir(parents=True, exist_ok=True)
    task = {"notebook_task": {"notebook_path": "/Workspace/Shared/simulated"}}
    entries = [
        {"name": step, "task": task, "dependent_on": above} for step, above in SHAPES[shape](count).items()
    ]
    workflow = {"name": "measured", "description": name, "tasks": entries, "max_concurrent": slots}
    (config / "workflows" / "measured.json").write_text(json.dumps(workflow))
    return config


def simulate(root: Path, rule: Mapping[str, Any]) -> None:
    status, token = ensure_emulator(root)
    request = urllib.request.Request(
        f"{status.host}/__emulator/simulate",
        data=json.dumps(rule).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).read()


if __name__ == "__main__":
    main()
