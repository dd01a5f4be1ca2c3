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
from dara_dagster.emulator.core.task_kinds import find_code_path, find_payload_kind
from dara_dagster.emulator.pages.layout import HEADERS, START_PAGE, build_document
from dara_dagster.emulator.pages.markup import Markup, join, make_tag
from dara_dagster.emulator.services.runs.outcomes import Outcome
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
        """Return the URL in its legacy form, which is what the service sends, with our signature.

        https://docs.databricks.com/api/workspace/jobs/getrun
        """
        return f"{self._host}/?{self._make_query(run_id)}#job/{job_id}/run/{run_id}"

    def path(self, job_id: int, run_id: int) -> str:
        """Return the modern form, within the server."""
        return f"/jobs/{job_id}/runs/{run_id}?{self._make_query(run_id)}"

    def opens(self, run_id: int, signature: str) -> bool:
        """Return whether the signature is the one of this run's page."""
        return hmac.compare_digest(self._sign(run_id).encode(), signature.encode())

    def _make_query(self, run_id: int) -> str:
        return urlencode({"o": WORKSPACE_ID, "s": self._sign(run_id)})

    def _sign(self, run_id: int) -> str:
        return hmac.digest(self._key, str(run_id).encode(), hashlib.sha256).hex()[:32]


@dataclass(frozen=True)
class RunPages:
    """The pages of one workspace's runs."""

    context: Context
    links: PageLinks
    runs: Runs

    def find(self, job_id: int, run_id: int, signature: str) -> _Page | None:
        """Return the page of a run or task run; None without the signature of that very run."""
        found = self.runs.lookup(run_id)
        right = self.links.opens(run_id, signature)
        return _Page(self, *found) if right and found is not None and found[0].job_id == job_id else None


async def answer_page(pages: Iterable[RunPages], path: str, query: Mapping[str, str]) -> Response | None:
    """Return the answer to a browser's GET, or None for a path that is none of a page.

    `query["s"]` must be the signature of that very run; without it the answer does not even show whether
    there is such a run.
    """
    if path == "/":
        return HTMLResponse(START_PAGE, headers=HEADERS)
    match = _PATH.fullmatch(path)
    if match is None:
        return None if not path.startswith("/jobs/") else _refuse()
    for one in pages:
        page = one.find(int(match["job"]), int(match["run"]), query.get("s", ""))
        if page is not None:
            return await page.answer()
    return _refuse()


def _refuse() -> Response:
    text = (
        "Open the link as `dara status RUN` or the Dagster UI shows it: the signature at its end (s=...) "
        "opens the page of that one run, for as long as the run is kept (60 days)."
    )
    body = join(make_tag("h1", "This page cannot be shown"), make_tag("p", text))
    return HTMLResponse(build_document("Not found", body), 403, headers=HEADERS)


class _Page:
    """The page of a run, or of one task run (`task`)."""

    def __init__(self, pages: RunPages, run: Run, task: TaskRun | None) -> None:
        self._pages, self._run, self._task = pages, run, task
        self._now = pages.context.clock.now_ms()
        latest = list(run.latest().values())
        failed = [one for one in latest if one.outcome and one.outcome.result not in _GOOD | _NEUTRAL]
        # The task main in full: the one asked for, the only one, else the first that failed.
        self._main = task or (latest[0] if len(latest) == 1 else next(iter(failed), None))

    async def answer(self) -> Response:
        """Return the page, which loads itself again while the run is active."""
        run, main = self._run, self._main
        log = ""
        if main is not None:
            log, _ = await asyncio.to_thread(self._pages.runs.read_log, run.run_id, main.run_id)
        shown = self._task or run
        name = f"{run.run_name}: {self._task.task_key}" if self._task else run.run_name
        body = join(
            make_tag("h1", name, " ", _make_badge(shown.state, shown.outcome)),
            self._show_facts(),
            self._show_tasks(),
            *(self._show_details(main, log) if main is not None else ()),
        )
        page = build_document(
            f"{_name_state(shown.state, shown.outcome)}: {name}", body, live=shown.outcome is None
        )
        return HTMLResponse(page, headers=HEADERS)

    def _show_facts(self) -> Markup:
        run, shown = self._run, self._task or self._run
        facts: dict[str, str | None] = {
            "Run": str(shown.run_id),
            "Job": str(run.job_id),
            "Started": _format_moment(shown.start_time),
            "Ended": _format_moment(shown.end_time) if shown.end_time else None,
            "Took": self._format_duration(shown.start_time, shown.end_time),
            "Started by": self._make_link(run.run_id, "the whole run") if self._task else self._show_parent(),
        }
        if shown.outcome is not None and shown.outcome.message:
            facts["Ending"] = f"{shown.outcome.code}: {shown.outcome.message}"
        return _make_table(facts)

    def _show_parent(self) -> Markup | None:
        parent = self._run.parent_run_id
        return None if parent is None else self._make_link(parent, f"a notebook, as run {parent}")

    def _show_tasks(self) -> Markup:
        """Return the attempts of the run's tasks, when there are several."""
        if self._task is not None or len(self._run.tasks) == 1:
            return Markup("")
        heads = make_tag(
            "tr", *(make_tag("th", head) for head in ("Task", "Kind", "State", "Started", "Took"))
        )
        return join(make_tag("h2", "Tasks"), make_tag("table", heads, *map(self._show_row, self._run.tasks)))

    def _show_row(self, task: TaskRun) -> Markup:
        name = f"{task.task_key} (attempt {task.attempt + 1})" if task.attempt else task.task_key
        cells = (
            self._make_link(task.run_id, name),
            _name_kind(task),
            _make_badge(task.state, task.outcome),
            _format_moment(task.start_time),
            self._format_duration(task.start_time, task.end_time),
        )
        return make_tag("tr", *(make_tag("td", cell) for cell in cells))

    def _show_details(self, task: TaskRun, log: str) -> Iterator[Markup]:
        output = task.output
        facts: dict[str, str | None] = {
            "Task": task.task_key if self._task is None else None,
            "Kind": _name_kind(task),
            "Code": find_code_path(task.task) or None,
            "Compute": task.cluster_id or task.task.get(find_payload_kind(task.task), {}).get("warehouse_id"),
            "Set up in": _format_seconds(task.setup_ms) if task.running_since else None,
            "Ran for": _format_seconds(task.execution_ms) if task.end_time and task.running_since else None,
        }
        yield join(make_tag("h2", "Task"), _make_table(facts))
        if parameters := {**_list_parameters(task), **self._run.parameters}:
            yield join(make_tag("h2", "Parameters"), _make_table(parameters))
        if output.get("error"):
            yield _make_block("Error", str(output["error"]), "error")
        if output.get("error_trace"):
            yield _make_block("Traceback", str(output["error_trace"]))
        if output.get("exit_value") is not None:
            yield _make_block("Exit value", str(output["exit_value"]))
        started = [self._make_link(child.run_id, child.run_name) for child in self._pages.runs.children(task)]
        if started:
            yield join(
                make_tag("h2", "Notebooks it ran"),
                make_tag("ul", *(make_tag("li", link) for link in started)),
            )
        lines = log.rstrip().splitlines()
        cut = len(lines) > _LOG_LINES
        title = f"Log, the last {_LOG_LINES} of {len(lines):,} lines" if cut else "Log"
        yield _make_block(title, "\n".join(lines[-_LOG_LINES:]) or "nothing was printed")

    def _make_link(self, run_id: int, text: str) -> Markup:
        found = self._pages.runs.lookup(run_id)
        if found is None:
            return join(text)
        return make_tag("a", text, href=self._pages.links.path(found[0].job_id, run_id))

    def _format_duration(self, start: int, end: int) -> str:
        return _format_seconds(max((end or self._now) - start, 0))


def _list_parameters(task: TaskRun) -> dict[str, str | None]:
    """Return what the task was given, whatever its kind calls that."""
    payload: Mapping[str, Any] = task.task.get(find_payload_kind(task.task)) or {}
    given = (
        payload.get("base_parameters") or payload.get("parameters") or payload.get("named_parameters") or {}
    )
    if isinstance(given, Mapping):
        return {str(name): str(value) for name, value in given.items()}
    return {str(number): str(value) for number, value in enumerate(given, 1)}


def _name_kind(task: TaskRun) -> str:
    return find_payload_kind(task.task).removesuffix("_task").replace("_", " ")


def _name_state(state: str, outcome: Outcome | None) -> str:
    return outcome.result if outcome is not None else state


def _make_badge(state: str, outcome: Outcome | None) -> Markup:
    word = _name_state(state, outcome)
    look = "good" if word in _GOOD else "neutral" if word in _NEUTRAL else "bad"
    return make_tag("span", word.replace("_", " ").lower(), class_=f"badge {look if outcome else 'live'}")


def _make_table(rows: Mapping[str, str | None]) -> Markup:
    shown = {name: value for name, value in rows.items() if value is not None}
    lines = (make_tag("tr", make_tag("th", name), make_tag("td", value)) for name, value in shown.items())
    return make_tag("table", *lines, class_="facts")


def _make_block(title: str, text: str, look: str = "") -> Markup:
    clean = _UNPRINTABLE.sub("", text)
    kept = clean if len(clean) <= _LONGEST else f"... {clean[-_LONGEST:]}"
    return join(make_tag("h2", title), make_tag("pre", kept, class_=look))


def _format_moment(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


def _format_seconds(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
