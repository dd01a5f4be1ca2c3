"""Draws a run while it is active: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from dagster import DagsterInstance, RunsFilter
from rich.console import Console
from rich.live import Live

from dara_dagster.cli.render.lines import tell
from dara_dagster.cli.render.tables import headline, run_table
from dara_dagster.history.durations import duration
from dara_dagster.history.progress import TaskStatus
from dara_dagster.history.status import RunReader, RunStatus

__all__ = ["Follower", "LiveView", "PlainView", "View"]

_LOOK_SECONDS = 0.25
# Lines of the terminal that are not rows of the table: its head, its frame, the line above and the prompt.
_MARGIN = 8


class View(Protocol):
    """Something that shows a run again and again."""

    def show(self, run: RunStatus) -> None: ...
    def close(self) -> None: ...


class LiveView:
    """A table that is drawn over itself; at the end it is taken away, the summary follows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._started = False

    def show(self, run: RunStatus) -> None:
        if not self._started:
            self._started = True
            tell(self._console, headline(run))
            self._live.start()
        rows = max(self._console.height - _MARGIN, 3)
        self._live.update(run_table(run, rows, self._console.width), refresh=True)

    def close(self) -> None:
        self._live.stop()


class PlainView:
    """One line for each change of a task, for pipes and log files."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[object, ...]] = {}

    def show(self, run: RunStatus) -> None:
        for task in run.tasks:
            seen = (task.state, task.attempt, task.databricks_run_id)
            if self._shown.get(task.step_key) != seen and task.state not in ("waiting", "not run"):
                self._shown[task.step_key] = seen
                tell(self._console, _line(task))

    def close(self) -> None: ...


class Follower(threading.Thread):
    """Shows the run that carries a tag, from its first event until `stop` is called.

    It only reads; when it fails, the run continues unseen and `error` says why.
    """

    def __init__(self, instance: DagsterInstance, tag: tuple[str, str], view: View) -> None:
        super().__init__(name="dara-follower", daemon=True)
        self._instance, self._tag, self._view = instance, tag, view
        self._stopped = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            reader = self._find()
            while reader is not None:
                over = self._stopped.is_set()  # before the look, so that the last one shows the end
                self._view.show(reader.update())
                if over:
                    break
                self._stopped.wait(_LOOK_SECONDS)
        except Exception as error:
            self.error = error
        finally:
            self._view.close()

    def stop(self) -> None:
        """Show the run a last time, then end."""
        self._stopped.set()
        self.join()

    def _find(self) -> RunReader | None:
        """Return the reader of the run, as soon as Dagster has made it."""
        wanted = RunsFilter(tags=dict([self._tag]))
        while True:
            over = self._stopped.is_set()
            records = self._instance.get_run_records(wanted, limit=1)
            if records:
                return RunReader(self._instance, records[0].dagster_run.run_id)
            if over:
                return None
            self._stopped.wait(_LOOK_SECONDS)


def _line(task: TaskStatus) -> str:
    words = [time.strftime("%H:%M:%S"), f"{task.name}:", task.word]
    if task.attempt > 1:
        words.append(f"(attempt {task.attempt})")
    if task.end is not None and task.seconds is not None:
        words.append(f"after {duration(task.seconds)}")
    elif task.databricks_run_id is not None:
        words.append(f"as Databricks run {task.databricks_run_id}")
    return " ".join(words)
