"""Turns how a Databricks run ended into what Dagster shows: metadata of a success, the text of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagster import Failure, MetadataValue

from dara_dagster.executor.events import Value
from dara_dagster.workspace.runs.child_run import NotebookRuns
from dara_dagster.workspace.runs.jobs_api import RunOutput, RunSnapshot
from dara_dagster.workspace.runs.outcome import Outcome

__all__ = ["RunFailed", "TaskResult", "result_data", "run_failure", "task_result"]

_VERDICT_TEXT: Mapping[str, str] = {
    "failed": "failed",
    "timed_out": "timed out",
    "cancelled": "was cancelled",
    "skipped": "was skipped by Databricks",
    "excluded": "was excluded by Databricks",
    "upstream": "did not run: something it depends on failed",
    "partial": "succeeded with failures, which this task's on_partial does not accept",
}
# The event log keeps these for good; what is longer is on the run page.
_LONGEST = 20_000
_LONGEST_TRACE = 4_000


class RunFailed(Failure):
    """The run came to its end and that was bad: it failed, or took too long."""


@dataclass(frozen=True)
class TaskResult:
    """A task that ended well; `metadata` is what Dagster shows of it."""

    databricks_run: int
    url: str
    exit_value: str | None
    metadata: Mapping[str, Any]


def task_result(
    snapshot: RunSnapshot, outcome: Outcome, output: RunOutput, url: str, children: NotebookRuns
) -> TaskResult:
    """Return the result of a run that counts as a success."""
    metadata = {**_run_metadata(snapshot, outcome, url), **_children_metadata(children)}
    if output.exit_value is not None:
        metadata["exit_value"] = MetadataValue.text(output.exit_value[:_LONGEST])
    return TaskResult(snapshot.run_id, url, output.exit_value, metadata)


def result_data(
    snapshot: RunSnapshot, outcome: Outcome, output: RunOutput, url: str, children: NotebookRuns
) -> dict[str, Value]:
    """Return the data of the event that says how the run ended; seconds are those of the Databricks run."""
    return {
        "verdict": outcome.verdict,
        "code": outcome.code,
        "exit_value": (output.exit_value or "")[:_LONGEST],
        **({"trace": output.error_trace[-_LONGEST_TRACE:]} if output.error_trace else {}),
        "queue_seconds": snapshot.queue_ms / 1000,
        "setup_seconds": snapshot.setup_ms / 1000,
        "execution_seconds": snapshot.execution_ms / 1000,
        "total_seconds": snapshot.total_ms / 1000,
        "databricks_start": snapshot.start_ms / 1000,
        "databricks_end": snapshot.end_ms / 1000,
        **({"notebook_runs": children.as_text()} if children.runs else {}),
        "databricks_run_id": snapshot.run_id,
        "url": url,
    }


def run_failure(
    task: str, snapshot: RunSnapshot, outcome: Outcome, output: RunOutput, url: str, children: NotebookRuns
) -> Failure:
    """Return the failure of a run that did not end well: error first, then where to look."""
    error = output.error or outcome.message or "Databricks gives no reason"
    what = f"{task}: Databricks run {snapshot.run_id} {_VERDICT_TEXT.get(outcome.verdict, outcome.verdict)}"
    metadata = {**_run_metadata(snapshot, outcome, url), **_children_metadata(children)}
    metadata["error"] = MetadataValue.text(error[:_LONGEST])
    if output.error_trace:
        metadata["traceback"] = MetadataValue.md(f"```\n{output.error_trace[-_LONGEST:]}\n```")
    if output.logs:
        metadata["logs"] = MetadataValue.md(f"```\n{output.logs[-_LONGEST:]}\n```")
    description = f"{what} ({outcome.code}): {error[:_LONGEST]}\nRun page: {url}"
    kind = RunFailed if outcome.verdict in ("failed", "timed_out") else Failure
    return kind(description, metadata=metadata, allow_retries=False)


def _run_metadata(snapshot: RunSnapshot, outcome: Outcome, url: str) -> Mapping[str, Any]:
    return {
        "databricks_run_id": MetadataValue.text(str(snapshot.run_id)),
        "run_page": MetadataValue.url(url),
        "termination_code": outcome.code,
        "queue_seconds": snapshot.queue_ms / 1000,
        "setup_seconds": snapshot.setup_ms / 1000,
        "execution_seconds": snapshot.execution_ms / 1000,
    }


def _children_metadata(children: NotebookRuns) -> Mapping[str, Any]:
    """Return the notebooks that the task's code started, as a table with links to their runs."""
    if not children.runs:
        return {}
    rows = [
        f"| {'&nbsp;&nbsp;' * (run.depth - 1)}[{_plain(run.name)}]({run.url}) | {run.state} "
        f"| {run.after_seconds:.1f} s | {run.seconds:.1f} s |"
        for run in children.runs
    ]
    more = [f"and {children.more:,} more"] if children.more else []
    head = ["| notebook | state | began after | took |", "|---|---|---|---|"]
    return {"notebook_runs": MetadataValue.md("\n".join([*head, *rows, "", *more]).rstrip())}


def _plain(text: str) -> str:
    """Return the text without what Markdown would take for a link or a cell's end."""
    return "".join(f"\\{sign}" if sign in "|[]\\`*_<" else sign for sign in text)
