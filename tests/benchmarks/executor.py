"""Our executor and event log against Dagster's multiprocess executor, on ops that only sleep.

`python -m tests.benchmarks.executor [--quick] [--only NAME ...]`. The machine may be shared: compare the CPU
columns first, and run it twice.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import Cost, measure

_STOCK = "telemetry: {enabled: false}\n"


@dataclass(frozen=True)
class Case:
    """One measured job; the other executor runs `other_count` ops of it and is scaled up."""

    name: str
    shape: str
    count: int
    seconds: float
    other_count: int
    ideal: float
    targets: Callable[[Cost], list[tuple[str, float, float]]]
    """From the measured cost: name, value and the largest value that is good enough."""
    cpu_target: str = ""


def _run_seconds(cost: Cost) -> dict[str, float]:
    times: dict[str, float] = json.loads(cost.output.splitlines()[-1])
    return times


def _empty(executor: str) -> Cost:
    home = None if executor == "dara" else _STOCK
    return measure("tests.benchmarks.run_job", "sleepers", "1", "0", executor, home_yaml=home)


CASES = [
    Case(
        "1,000 ops of 0.5 s, 300 slots",
        "sleepers",
        1000,
        0.5,
        16,
        2.0,
        lambda cost: [("whole process, s", cost.wall, 8.0)],
        cpu_target="<= 6",
    ),
    Case(
        "a chain of 10 x 1 s",
        "chain",
        10,
        1.0,
        10,
        10.0,
        lambda cost: [("whole process, s", cost.wall, 15.0)],
    ),
    Case(
        "300 waiting ops",
        "sleepers",
        300,
        5.0,
        8,
        5.0,
        lambda cost: [("memory, MB", cost.seen_files, 250.0)],
    ),
    Case(
        "5,000 ops in layers of 100",
        "layers",
        5000,
        0.1,
        16,
        5.0,
        lambda cost: [
            ("load, s", _run_seconds(cost)["load_seconds"], 3.0),
            ("run beyond ideal, s", _run_seconds(cost)["run_seconds"] - 5.0, 45.0),
        ],
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the other executor out")
    parser.add_argument("--only", nargs="*", help="parts of the names of the cases to measure")
    options = parser.parse_args()
    table = Table("measure", "ours", "target", "multiprocess (scaled)", "ratio")
    _empty("dara")  # what is imported gets compiled now
    base = {name: _empty(name) for name in (["dara"] if options.quick else ["dara", "multiprocess"])}
    for case in CASES:
        if not options.only or any(part in case.name for part in options.only):
            _add_rows(table, case, base)
    Console(width=120).print(table)


def _add_rows(table: Table, case: Case, base: dict[str, Cost]) -> None:
    arguments = [case.shape, str(case.count), str(case.seconds), "dara"]
    ours = measure("tests.benchmarks.run_job", *arguments)
    table.add_section()
    for name, value, limit in case.targets(ours):
        table.add_row(f"{case.name}: {name}", f"{value:.1f}", f"<= {limit:g}", "", "")
    per_op = (ours.cpu - base["dara"].cpu) / case.count * 1000
    rows = {
        # Of a few ops it would be the difference of two starts of Python.
        **({"CPU an op, ms": (per_op, case.cpu_target)} if case.count >= 100 else {}),
        "CPU, s": (ours.cpu, ""),
        "wall, s": (ours.wall, ""),
        "memory, MB": (ours.seen_files, ""),
    }
    other = _other(case, base["multiprocess"]) if "multiprocess" in base else {}
    for name, (value, target) in rows.items():
        theirs = other.get(name)
        ratio = f"{theirs / value:.0f} x" if theirs and value else ""
        shown = f"{theirs:.1f}" if theirs else ""
        table.add_row(f"{case.name}: {name}", f"{value:.1f}", target, shown, ratio)


def _other(case: Case, base: Cost) -> dict[str, float]:
    """What the multiprocess executor takes for the whole case, scaled up from a smaller count."""
    arguments = [case.shape, str(case.other_count), str(case.seconds), "multiprocess"]
    cost = measure("tests.benchmarks.run_job", *arguments, home_yaml=_STOCK)
    scale = case.count / case.other_count
    return {
        "CPU an op, ms": (cost.cpu - base.cpu) / case.other_count * 1000,
        "CPU, s": base.cpu + (cost.cpu - base.cpu) * scale,
        "wall, s": base.wall + (cost.wall - base.wall) * scale,
    }


if __name__ == "__main__":
    main()
