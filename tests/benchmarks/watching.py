"""The two ways to wait for many runs: pages of the list of active runs, against polls of single runs.

`python -m tests.benchmarks.watching [--count N ...] [--seconds S]`. Calls and lateness are counted on a
simulated clock, so they are exact; what a call costs is measured on the local workspace.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from rich.console import Console
from rich.table import Table

from dara_dagster.workspace.client import open_workspace
from dara_dagster.workspace.emulator_process import ensure_emulator, stop_emulator
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.jobs_api import PAGE_SIZE, RunSnapshot
from dara_dagster.workspace.watch.poll_queue import PAGED_TYPE, PollQueue
from tests.benchmarks.tasks import simulate
from tests.workspace.simulated import Simulation

_REPEATS = 5


class _Counted(Simulation):
    pages = 0

    def page(self, token: str) -> tuple[Sequence[RunSnapshot], str | None]:
        self.pages += 1
        return super().page(token)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, nargs="*", default=[300, 1000], help="how many runs wait")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long each run lasts")
    options = parser.parse_args()
    page, poll = _call_cost()
    table = Table("waiting runs", "mode", "calls a run", "CPU a run, ms", "latest end seen, s")
    for count in options.count:
        costs = []
        for mode, polls_only in (("lists and polls", False), ("polls", True)):
            counted = _wait(count, options.seconds, polls_only)
            cost = (counted.pages * page + (counted.calls - counted.pages) * poll) / count
            costs.append((counted.calls / count, cost))
            late = max(map(counted.lateness, counted.ends))
            table.add_row(str(count), mode, f"{counted.calls / count:.1f}", f"{cost:.1f}", f"{late:.1f}")
        (calls, cpu), (single_calls, single_cpu) = costs
        table.add_row("", "ratio", f"{single_calls / calls:.2f}", f"{single_cpu / cpu:.2f}", "")
    table.caption = f"a page of {PAGE_SIZE} runs takes {page:.2f} ms of CPU, a poll {poll:.2f} ms"
    Console(width=80).print(table)


def _wait(count: int, seconds: float, polls_only: bool) -> _Counted:
    """Watch runs that are submitted ten a second, by the calls that Databricks is asked for by default."""
    counted, dice = _Counted(), random.Random(3)
    with _polls_only() if polls_only else _as_it_is():
        for _ in range(count):
            counted.start(seconds * dice.uniform(0.95, 1.05))
            counted.run(until=counted.now + 0.1)
        counted.run()
    return counted


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _polls_only() -> Iterator[None]:
    before = PollQueue._worth_a_list
    setattr(PollQueue, "_worth_a_list", lambda *_: 0)  # noqa: B010
    try:
        yield
    finally:
        setattr(PollQueue, "_worth_a_list", before)  # noqa: B010


def _call_cost() -> tuple[float, float]:
    """CPU time, in ms, of one page of active runs and of one poll: the least of several rounds."""
    with tempfile.TemporaryDirectory(prefix="dara-bench-") as folder:
        root = Path(folder)
        try:
            simulate(root, {"task_key": "*", "duration_ms": 600_000, "pending_ms": 0})
            status, token = ensure_emulator(root)
            environ = {"DATABRICKS_HOST": status.host, "DATABRICKS_TOKEN": token}
            ws = open_workspace("databricks", root=root, environ=environ)
            task = SubmitTask("t", notebook_task=NotebookTask("/Workspace/Shared/simulated"))
            runs = [ws.client.jobs.submit(tasks=[task]).bind()["run_id"] for _ in range(PAGE_SIZE)]
            pages, polls = [], []
            for _ in range(_REPEATS):
                pages.append(_cpu(lambda: jobs_api.list_page(ws, "", PAGED_TYPE)))
                polls.append(_cpu(lambda: jobs_api.get_snapshot(ws, runs[0])))
            return min(pages), min(polls)
        finally:
            stop_emulator(root)


def _cpu(call: Callable[[], object], times: int = 20) -> float:
    began = time.thread_time()
    for _ in range(times):
        call()
    return (time.thread_time() - began) / times * 1000


if __name__ == "__main__":
    main()
