"""Shows a run in the browser: the page behind `run_page_url`, opened by the signature in the link alone."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, Response

from dara_dagster.emulator.core.context import WORKSPACE_ID, Context
from dara_dagster.emulator.core.task_kinds import code_path, payload_kind
from dara_dagster.emulator.pages.layout import HEADERS, START_PAGE, document
from dara_dagster.emulator.pages.markup import Markup, join, tag
from dara_dagster.emulator.services.runs.outcomes import Ending
from dara_dagster.emulator.services.runs.records import Run, TaskRun
from dara_dagster.emulator.services.runs.rules import Runs

_PATH = re.compile(r"/jobs/(?P<job>\d{1,19})/runs/(?P<run>\d{1,19})")
_UNPRINTABLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_LOG_LINES = 200
_LONGEST = 100_000
_GOOD = frozenset({"SUCCESS", "SUCCESS_WITH_FAILURES"})
_NEUTRAL = frozenset({"CANCELED", "UPSTREAM_CANCELED", "EXCLUDED", "DISABLED"})


class PageLinks:
    """Makes and checks the links to the pages of one workspace's runs. The key outlives the server."""

    def __init__(self, context: Context) -> None:
        self._host = context.host
        table = context.store.table("run_pages")
        if "key" not in table:
            table["key"] = secrets.token_hex(32)
            context.store.save("run_pages", "key")
        self._key = bytes.fromhex(table["key"])

    def url(self, job_id: int, run_id: int) -> str:
        """The legacy form, which is what the service sends (databricks-api.md 2.2), with our signature."""
        return f"{self._host}/?{self._query(run_id)}#job/{job_id}/run/{run_id}"

    def path(self, job_id: int, run_id: int) -> str:
        """The modern form, within the server."""
        return f"/jobs/{job_id}/runs/{run_id}?{self._query(run_id)}"

    def opens(self, run_id: int, signature: str) -> bool:
        """Whether the signature is the one of this run's page."""
        return hmac.compare_digest(self._signature(run_id).encode(), signature.encode())

    def _query(self, run_id: int) -> str:
        return urlencode({"o": WORKSPACE_ID, "s": self._signature(run_id)})

    def _signature(self, run_id: int) -> str:
        return hmac.digest(self._key, str(run_id).encode(), hashlib.sha256).hex()[:32]


@dataclass(frozen=True)
class RunPages:
    """The pages of one workspace's runs."""

    context: Context
    links: PageLinks
    runs: Runs

    def find(self, job_id: int, run_id: int, signature: str) -> _Page | None:
        """The page of a run or task run; None without the signature of that very run."""
        found = self.runs.lookup(run_id)
        right = self.links.opens(run_id, signature)
        return _Page(self, *found) if right and found is not None and found[0].job_id == job_id else None


async def answer_page(pages: Iterable[RunPages], path: str, query: Mapping[str, str]) -> Response | None:
    """The answer to a browser's GET, or None for a path that is none of a page.

    `query["s"]` must be the signature of that very run; without it the answer does not even show whether
    there is such a run.
    """
    if path == "/":
        return HTMLResponse(START_PAGE, headers=HEADERS)
    match = _PATH.fullmatch(path)
    if match is None:
        return None if not path.startswith("/jobs/") else _refused()
    for one in pages:
        page = one.find(int(match["job"]), int(match["run"]), query.get("s", ""))
        if page is not None:
            return await page.answer()
    return _refused()


def _refused() -> Response:
    text = (
        "Open the link as `dara status RUN` or the Dagster UI shows it: the signature at its end (s=...) "
        "opens the page of that one run, for as long as the run is kept (60 days)."
    )
    body = join(tag("h1", "This page cannot be shown"), tag("p", text))
    return HTMLResponse(document("Not found", body), 403, headers=HEADERS)


class _Page:
    """The page of a run, or of one task run (`task`)."""

    def __init__(self, pages: RunPages, run: Run, task: TaskRun | None) -> None:
        self._pages, self._run, self._task = pages, run, task
        self._now = pages.context.clock.now_ms()
        latest = list(run.latest().values())
        failed = [one for one in latest if one.ending and one.ending.result not in _GOOD | _NEUTRAL]
        # The task main in full: the one asked for, the only one, else the first that failed.
        self._main = task or (latest[0] if len(latest) == 1 else next(iter(failed), None))

    async def answer(self) -> Response:
        """The page; it loads itself again while the run goes on."""
        run, main = self._run, self._main
        log = ""
        if main is not None:
            log, _ = await asyncio.to_thread(self._pages.runs.read_log, run.run_id, main.run_id)
        shown = self._task or run
        name = f"{run.run_name}: {self._task.task_key}" if self._task else run.run_name
        body = join(
            tag("h1", name, " ", _badge(shown.state, shown.ending)),
            self._facts(),
            self._tasks(),
            *(self._details(main, log) if main is not None else ()),
        )
        page = document(f"{_word(shown.state, shown.ending)}: {name}", body, live=shown.ending is None)
        return HTMLResponse(page, headers=HEADERS)

    def _facts(self) -> Markup:
        run, shown = self._run, self._task or self._run
        facts: dict[str, str | None] = {
            "Run": str(shown.run_id),
            "Job": str(run.job_id),
            "Started": _moment(shown.start_time),
            "Ended": _moment(shown.end_time) if shown.end_time else None,
            "Took": self._took(shown.start_time, shown.end_time),
            "Started by": self._link(run.run_id, "the whole run") if self._task else self._parent(),
        }
        if shown.ending is not None and shown.ending.message:
            facts["Ending"] = f"{shown.ending.code}: {shown.ending.message}"
        return _table(facts)

    def _parent(self) -> Markup | None:
        parent = self._run.parent_run_id
        return None if parent is None else self._link(parent, f"a notebook, as run {parent}")

    def _tasks(self) -> Markup:
        """The attempts of the run's tasks, when there are several."""
        if self._task is not None or len(self._run.tasks) == 1:
            return Markup("")
        heads = tag("tr", *(tag("th", head) for head in ("Task", "Kind", "State", "Started", "Took")))
        return join(tag("h2", "Tasks"), tag("table", heads, *map(self._row, self._run.tasks)))

    def _row(self, task: TaskRun) -> Markup:
        name = f"{task.task_key} (attempt {task.attempt + 1})" if task.attempt else task.task_key
        cells = (
            self._link(task.run_id, name),
            _kind(task),
            _badge(task.state, task.ending),
            _moment(task.start_time),
            self._took(task.start_time, task.end_time),
        )
        return tag("tr", *(tag("td", cell) for cell in cells))

    def _details(self, task: TaskRun, log: str) -> Iterator[Markup]:
        output = task.output
        facts: dict[str, str | None] = {
            "Task": task.task_key if self._task is None else None,
            "Kind": _kind(task),
            "Code": code_path(task.task) or None,
            "Compute": task.cluster_id or task.task.get(payload_kind(task.task), {}).get("warehouse_id"),
            "Set up in": _seconds(task.setup_ms) if task.running_since else None,
            "Ran for": _seconds(task.execution_ms) if task.end_time and task.running_since else None,
        }
        yield join(tag("h2", "Task"), _table(facts))
        if parameters := {**_parameters(task), **self._run.parameters}:
            yield join(tag("h2", "Parameters"), _table(parameters))
        if output.get("error"):
            yield _block("Error", str(output["error"]), "error")
        if output.get("error_trace"):
            yield _block("Traceback", str(output["error_trace"]))
        if output.get("exit_value") is not None:
            yield _block("Exit value", str(output["exit_value"]))
        started = [self._link(child.run_id, child.run_name) for child in self._pages.runs.children(task)]
        if started:
            yield join(tag("h2", "Notebooks it ran"), tag("ul", *(tag("li", link) for link in started)))
        lines = log.rstrip().splitlines()
        cut = len(lines) > _LOG_LINES
        title = f"Log, the last {_LOG_LINES} of {len(lines):,} lines" if cut else "Log"
        yield _block(title, "\n".join(lines[-_LOG_LINES:]) or "nothing was printed")

    def _link(self, run_id: int, text: str) -> Markup:
        found = self._pages.runs.lookup(run_id)
        if found is None:
            return join(text)
        return tag("a", text, href=self._pages.links.path(found[0].job_id, run_id))

    def _took(self, start: int, end: int) -> str:
        return _seconds(max((end or self._now) - start, 0))


def _parameters(task: TaskRun) -> dict[str, str | None]:
    """What the task was given, whatever its kind calls that."""
    payload: Mapping[str, Any] = task.task.get(payload_kind(task.task)) or {}
    given = (
        payload.get("base_parameters") or payload.get("parameters") or payload.get("named_parameters") or {}
    )
    if isinstance(given, Mapping):
        return {str(name): str(value) for name, value in given.items()}
    return {str(number): str(value) for number, value in enumerate(given, 1)}


def _kind(task: TaskRun) -> str:
    return payload_kind(task.task).removesuffix("_task").replace("_", " ")


def _word(state: str, ending: Ending | None) -> str:
    return ending.result if ending is not None else state


def _badge(state: str, ending: Ending | None) -> Markup:
    word = _word(state, ending)
    look = "good" if word in _GOOD else "neutral" if word in _NEUTRAL else "bad"
    return tag("span", word.replace("_", " ").lower(), class_=f"badge {look if ending else 'live'}")


def _table(rows: Mapping[str, str | None]) -> Markup:
    shown = {name: value for name, value in rows.items() if value is not None}
    lines = (tag("tr", tag("th", name), tag("td", value)) for name, value in shown.items())
    return tag("table", *lines, class_="facts")


def _block(title: str, text: str, look: str = "") -> Markup:
    clean = _UNPRINTABLE.sub("", text)
    kept = clean if len(clean) <= _LONGEST else f"... {clean[-_LONGEST:]}"
    return join(tag("h2", title), tag("pre", kept, class_=look))


def _moment(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


def _seconds(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
