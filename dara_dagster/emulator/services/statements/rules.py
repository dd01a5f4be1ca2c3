"""The Statement Execution API 2.0: SQL on a warehouse, run by a task process, with its result in chunks."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError
from dara_dagster.emulator.core.signing import Signer
from dara_dagster.emulator.services.statements.records import Statement
from dara_dagster.emulator.services.statements.request import StatementRequest, read_request
from dara_dagster.emulator.services.statements.results import MAX_INLINE_BYTES, Result, make_result
from dara_dagster.emulator.task.spec import TaskResult

_HOUR_MS = 3_600_000


_SQL_STATE = re.compile(r"SQLSTATE: ?(\w{5})")


_LINK_SECONDS = 900


_TOO_LARGE = (
    "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at"
    f" most {MAX_INLINE_BYTES} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you"
    " want to download the full result."
)


class StatementWarehouses(Protocol):
    """What statements need of warehouses."""

    def state(self, key: str) -> str:
        """Return the state's name; ApiError for an unknown id."""

    def use(self, key: str, ready: Callable[[], None], lost: Callable[[str], None]) -> Callable[[], None]:
        """Have `ready()` called once it runs, `lost(why)` when it ends -> what gives it back."""


class StatementRunner(Protocol):
    """What statements need of the task processes; they run as a task run of their own."""

    def launch(
        self, spec: Mapping[str, Any], *, started: Callable[[int], None], ended: Callable[[TaskResult], None]
    ) -> None:
        """Start the task process of `spec`; OSError on a full disk."""

    def stop(self, run_id: int) -> None:
        """End the process."""

    def result(self, job_run_id: int, run_id: int) -> TaskResult:
        """Return what an ended process left behind."""

    def task_folder(self, job_run_id: int, run_id: int) -> Path:
        """Return the folder of the statement's process."""


class Statements:
    """All statements of a workspace. Rules: https://docs.databricks.com/api/workspace/statementexecution.

    Results are kept for an hour, statements for twelve, over a restart too. Raises ApiError: 400
    INVALID_PARAMETER_VALUE for a bad request, 404 for an unknown warehouse or statement. A statement that
    fails is no error here.
    """

    def __init__(
        self, context: Context, warehouses: StatementWarehouses, runner: StatementRunner, signer: Signer
    ) -> None:
        self._context, self._warehouses, self._runner, self.signer = context, warehouses, runner, signer
        self._table = context.store.table("statements")
        self._all = {key: Statement.load(key, stored) for key, stored in self._table.items()}
        self._using: dict[str, Callable[[], None]] = {}
        self._finishing: set[asyncio.Task[None]] = set()
        for statement in self._all.values():
            if not statement.ended_at:
                self._fail(
                    statement, "INTERNAL_ERROR", "The warehouse was restarted while the statement ran."
                )

    def execute(self, body: Mapping[str, Any]) -> Statement:
        """Start a statement."""
        request = read_request(body)
        self._warehouses.state(request.warehouse_id)
        self._forget_old()
        statement = Statement(str(uuid.uuid4()), request, self._context.ids.next())
        self._keep(statement)
        self._all[statement.statement_id] = statement
        self._using[statement.statement_id] = self._warehouses.use(
            request.warehouse_id, partial(self._launch, statement), partial(self._handle_loss, statement)
        )
        return statement

    async def find(self, statement_id: str) -> Statement:
        """Return the statement, its result read; ApiError 404 for an unknown one, or one of twelve hours
        ago."""
        self._forget_old()
        statement = self._all.get(statement_id)
        if statement is None:
            raise ApiError(404, "NOT_FOUND", f"The statement {statement_id} was not found.")
        if statement.state == "SUCCEEDED" and statement.result is None:
            left = await run_in_threadpool(self._runner.result, statement.run_id, statement.run_id)
            if left.ok:
                statement.result = await run_in_threadpool(_make_result, statement.request, left)
            else:
                statement.state = "CLOSED"
        return statement

    def cancel(self, statement: Statement) -> None:
        """End a statement; nothing happens to one that has ended."""
        if not statement.ended_at:
            self._runner.stop(statement.run_id)
            self._end(statement, "CANCELED")

    def show(self, statement: Statement) -> dict[str, Any]:
        """Return the answer of a get: status and, once it succeeded, manifest and first chunk."""
        status: dict[str, Any] = {"state": statement.state}
        if statement.error:
            status["error"] = {key: value for key, value in statement.error.items() if key != "sql_state"}
            if "sql_state" in statement.error:
                status["sql_state"] = statement.error["sql_state"]
        answer: dict[str, Any] = {"statement_id": statement.statement_id, "status": status}
        if statement.state == "SUCCEEDED" and statement.result is not None:
            answer["manifest"] = statement.result.manifest()
            answer["result"] = self.chunk(statement, 0) if statement.result.chunks else {}
        return answer

    def chunk(self, statement: Statement, index: int) -> dict[str, Any]:
        """Return one chunk of the result: rows, or a link to them; ApiError 404 where there is none."""
        statement_id, result = statement.statement_id, statement.result
        if result is None or not 0 <= index < len(result.chunks):
            raise ApiError(404, "NOT_FOUND", f"The statement {statement_id} has no result chunk {index}.")
        one = result.chunks[index]
        shown: dict[str, Any] = {"chunk_index": index, "row_offset": one.offset, "row_count": len(one.rows)}
        shown["byte_count"] = one.size
        if index + 1 < len(result.chunks):
            shown["next_chunk_index"] = index + 1
            shown["next_chunk_internal_link"] = (
                f"/api/2.0/sql/statements/{statement_id}/result/chunks/{index + 1}"
            )
        if statement.request.disposition == "INLINE":
            return {**shown, "data_array": list(one.rows)}
        until = time.gmtime(self._context.clock.now_ms() / 1000 + _LINK_SECONDS)
        query = {"statement": statement_id, "chunk": str(index)}
        shown["external_link"] = self.signer.url("result", query)
        shown["expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", until)
        return {"external_links": [shown]}

    # -- the machinery ------------------------------------------------------------------------------

    def _launch(self, statement: Statement) -> None:
        """Start the task process, now that the warehouse runs."""
        request = statement.request
        spec = {
            "kind": "statement",
            "text": request.text,
            "parameters": request.parameters,
            "catalog": request.catalog,
            "schema": request.schema,
            "row_limit": request.row_limit,
            "task_key": "statement",
            "run_id": statement.run_id,
            "job_run_id": statement.run_id,
        }
        started = partial(self._handle_start, statement)
        try:
            self._runner.launch(spec, started=started, ended=partial(self._handle_end, statement))
        except OSError as error:  # a full disk, for one
            self._fail(statement, "INTERNAL_ERROR", f"The statement could not be started: {error}")

    def _handle_loss(self, statement: Statement, why: str) -> None:
        """End the statement: the warehouse was stopped or deleted, before or while it ran."""
        self._runner.stop(statement.run_id)
        self._fail(statement, "BAD_REQUEST", why)

    def _handle_start(self, statement: Statement, _pid: int) -> None:
        if not statement.ended_at:
            statement.state = "RUNNING"

    def _handle_end(self, statement: Statement, left: TaskResult) -> None:
        if statement.ended_at:
            self._clear(statement)
        elif not left.ok:
            self._fail(statement, "BAD_REQUEST" if left.error else "INTERNAL_ERROR", left.error or left.lost)
        else:
            finishing = asyncio.get_running_loop().create_task(self._finish(statement, left))
            self._finishing.add(finishing)
            finishing.add_done_callback(self._finishing.discard)

    async def _finish(self, statement: Statement, left: TaskResult) -> None:
        """Cut the rows into chunks, in a thread because they may be many."""
        made = await run_in_threadpool(_make_result, statement.request, left)
        if statement.ended_at:  # cancelled meanwhile
            self._clear(statement)
        elif statement.request.disposition == "INLINE" and made.size > MAX_INLINE_BYTES:
            self._fail(statement, "BAD_REQUEST", _TOO_LARGE)
        else:
            statement.result = made
            self._end(statement, "SUCCEEDED")

    def _fail(self, statement: Statement, code: str, message: str) -> None:
        text = re.sub(r"^\w*(Exception|Error): ", "", message)  # the service names no Python class
        statement.error = {"error_code": code, "message": text}
        if found := _SQL_STATE.search(text):
            statement.error["sql_state"] = found[1]
        self._end(statement, "FAILED")

    def _end(self, statement: Statement, state: str) -> None:
        statement.state, statement.ended_at = state, self._context.clock.now_ms()
        self._using.pop(statement.statement_id, lambda: None)()
        statement.done.set()
        if state != "SUCCEEDED":
            self._clear(statement)
        self._keep(statement)

    def _keep(self, statement: Statement) -> None:
        """Write it before it is reported: what succeeded once must not fail after a restart."""
        self._table[statement.statement_id] = statement.stored()
        self._context.store.save("statements", statement.statement_id)

    def _clear(self, statement: Statement) -> None:
        """Delete what its task process left."""
        folder = self._runner.task_folder(statement.run_id, statement.run_id)
        shutil.rmtree(folder.parent, ignore_errors=True)

    def _forget_old(self) -> None:
        now = self._context.clock.now_ms()
        for statement_id, statement in list(self._all.items()):
            age = now - statement.ended_at if statement.ended_at else 0
            if age > _HOUR_MS and statement.state == "SUCCEEDED":
                statement.state, statement.result = "CLOSED", None
                self._keep(statement)
                self._clear(statement)
            if age > 12 * _HOUR_MS:
                del self._all[statement_id], self._table[statement_id]


def _make_result(request: StatementRequest, left: TaskResult) -> Result:
    return make_result(
        left.columns or (),
        left.rows or (),
        truncated=left.truncated,
        form=request.form,
        byte_limit=request.byte_limit,
    )
