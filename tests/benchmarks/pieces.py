"""What each piece of machinery for speed gains: the same job with it and without it, at the same time.

`python -m tests.benchmarks.pieces [--count N ...] [--rounds N]`. CPU times are the least of the rounds. The
lists of runs have a command of their own as well, `tests.benchmarks.watching`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dara_dagster.workspace.emulator_process import stop_emulator
from tests.benchmarks.measure import Cost, measure
from tests.benchmarks.tasks import simulate, write_project

_PROJECT, _JOB = "tests.benchmarks.run_project", "tests.benchmarks.run_job"
_LAYERS = ("storage", "plain insert", "gc_tuning")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, nargs="*", default=[300, 1000], help="how many tasks")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    table = Table("tasks", "without", "CPU a task, ms", "ratio", "whole run, CPU", "wall")
    with tempfile.TemporaryDirectory(prefix="dara-bench-") as folder:
        root = Path(folder)
        os.environ["DARA_EMULATOR_DATA"] = str(root / "workspace")
        try:
            simulate(root, {"task_key": "*", "duration_ms": 100, "pending_ms": 0})
            one = (_PROJECT, str(write_project(root, "one", "sleepers", 1)), "measured")
            base = _least([("nothing", *one)], options.rounds)[0].cpu
            for count in options.count:
                layers = (_PROJECT, str(write_project(root, "layers", "layers", count)), "measured")
                _compare(table, root, count, 0.5, layers, _LAYERS, base, options.rounds)
                waiting = (
                    _PROJECT,
                    str(write_project(root, "waiting", "sleepers", count, slots=count)),
                    "measured",
                )
                _compare(table, root, count, 20.0, waiting, ("lists",), base, options.rounds)
                pooled = (_JOB, "pooled", str(count), "0.1", "dara")
                _compare(table, root, count, 0.1, pooled, ("step_queue",), 0.0, options.rounds)
        finally:
            stop_emulator(root)
    Console(width=80).print(table)


def _compare(
    table: Table,
    root: Path,
    count: int,
    seconds: float,
    job: Sequence[str],
    pieces: Sequence[str],
    base: float,
    rounds: int,
) -> None:
    """Add a row for each piece; `base` is the CPU time, in seconds, of a process with one task."""
    simulate(root, {"task_key": "*", "duration_ms": int(seconds * 1000), "pending_ms": 0})
    whole, *less = _least([(piece, *job) for piece in ("nothing", *pieces)], rounds)
    for piece, cost in zip(("nothing", *pieces), (whole, *less), strict=True):
        ratio = (cost.cpu - base) / (whole.cpu - base)
        row = (f"{(cost.cpu - base) / count * 1000:.1f}", f"{ratio:.2f}", f"{cost.cpu / whole.cpu:.2f}")
        table.add_row(str(count), piece, *row, f"{cost.wall / whole.wall:.2f}")
    table.add_section()


def _least(commands: Sequence[Sequence[str]], rounds: int) -> list[Cost]:
    """Run all commands at the same time, so that each has the same load beside it; the cheapest of each."""
    found: list[list[Cost]] = [[] for _ in commands]
    for _ in range(rounds):
        with ThreadPoolExecutor(len(commands)) as threads:
            jobs = [threads.submit(measure, "tests.benchmarks.without", *command) for command in commands]
            for costs, job in zip(found, jobs, strict=True):
                costs.append(job.result())
    return [min(costs, key=lambda cost: cost.cpu) for costs in found]


if __name__ == "__main__":
    main()
