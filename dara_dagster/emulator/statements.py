"""The Statement Execution API 2.0: SQL on a warehouse, run by a task process, with its result in chunks."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dara_dagster.emulator.app import ApiError, Call, Routes
from dara_dagster.emulator.files_multipart import signed
from dara_dagster.emulator.statements_request import StatementRequest, read_request
from dara_dagster.emulator.statements_result import MAX_INLINE_BYTES, Result, make_result

if TYPE_CHECKING:
    from dara_dagster.emulator.runner import TaskResult
    from dara_dagster.emulator.state import Workspace

_HOUR_MS = 3_600_000
_SQL_STATE = re.compile(r"SQLSTATE: ?(\w{5})")
_LINK_SECONDS = 900
_TOO_LARGE = (
    "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at"
    f" most {MAX_INLINE_BYTES} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you"
    " want to download the full result."
)


@dataclass
class Statement:
    """One statement, from its request to its result; `done` is set when it has ended."""

    request: StatementRequest
    run_id: int
    state: str = "PENDING"
    error: dict[str, str] | None = None
    result: Result | None = None
    ended_at: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Statements:
    """All statements of a workspace; they end with the server. Rules: databricks-api.md section 4.3.

    Results are kept for an hour, statements for twelve. Raises ApiError: 400 INVALID_PARAMETER_VALUE for a
    bad request, 404 for an unknown warehouse or statement. A statement that fails is no error here.
    """

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._all: dict[str, Statement] = {}
        self._finishing: set[asyncio.Task[None]] = set()

    def execute(self, body: Mapping[str, Any]) -> str:
        """Start a statement -> its id."""
        request = read_request(body)
        self._ws.warehouses.state(request.warehouse_id)
        self._forget_old()
        statement_id = str(uuid.uuid4())
        statement = self._all[statement_id] = Statement(request, self._ws.ids.next())
        self._ws.warehouses.use(request.warehouse_id, partial(self._launch, statement))
        return statement_id

    def find(self, statement_id: str) -> Statement:
        """The statement; ApiError 404 for an unknown one, or one that ended twelve hours ago."""
        self._forget_old()
        if statement_id not in self._all:
            raise ApiError(404, "NOT_FOUND", f"The statement {statement_id} was not found.")
        return self._all[statement_id]

    def cancel(self, statement_id: str) -> None:
        """End a statement; nothing happens to one that has ended."""
        statement = self.find(statement_id)
        if not statement.ended_at:
            self._ws.runner.stop(statement.run_id)
            self._end(statement, "CANCELED")

    def show(self, statement_id: str) -> dict[str, Any]:
        """The answer of a get: status and, once it succeeded, manifest and first chunk."""
        statement = self.find(statement_id)
        status: dict[str, Any] = {"state": statement.state}
        if statement.error:
            status["error"] = {key: value for key, value in statement.error.items() if key != "sql_state"}
            if "sql_state" in statement.error:
                status["sql_state"] = statement.error["sql_state"]
        answer: dict[str, Any] = {"statement_id": statement_id, "status": status}
        if statement.state == "SUCCEEDED" and statement.result is not None:
            answer["manifest"] = statement.result.manifest()
            answer["result"] = self.chunk(statement_id, 0) if statement.result.chunks else {}
        return answer

    def chunk(self, statement_id: str, index: int) -> dict[str, Any]:
        """One chunk of the result: rows, or a link to them; ApiError 404 where there is none."""
        statement = self.find(statement_id)
        result = statement.result
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
        until = time.gmtime(self._ws.clock.now_ms() / 1000 + _LINK_SECONDS)
        query = {"statement": statement_id, "chunk": str(index)}
        shown["external_link"] = self._ws.files.signer.url("result", query)
        shown["expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", until)
        return {"external_links": [shown]}

    # -- the machinery ------------------------------------------------------------------------------

    def _launch(self, statement: Statement) -> None:
        """The warehouse runs, or cannot: start the task process."""
        if statement.ended_at:  # cancelled while it waited
            return
        request = statement.request
        known = self._ws.store.table("warehouses").get(request.warehouse_id)
        if known is None or known["state"] != "RUNNING":
            self._fail(statement, "BAD_REQUEST", "The warehouse was stopped or deleted before it ran.")
            return
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
        started = partial(self._started, statement)
        self._ws.runner.launch(spec, started=started, ended=partial(self._ended, statement))

    def _started(self, statement: Statement, _pid: int) -> None:
        if not statement.ended_at:
            statement.state = "RUNNING"

    def _ended(self, statement: Statement, result: TaskResult) -> None:
        folder = self._ws.runner.task_folder(statement.run_id, statement.run_id)
        shutil.rmtree(folder.parent, ignore_errors=True)
        if statement.ended_at:
            return
        if not result.ok:
            self._fail(
                statement, "BAD_REQUEST" if result.error else "INTERNAL_ERROR", result.error or result.lost
            )
            return
        finishing = asyncio.get_running_loop().create_task(self._finish(statement, result))
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finishing.discard)

    async def _finish(self, statement: Statement, result: TaskResult) -> None:
        """Cut the rows into chunks, in a thread because they may be many."""
        request = statement.request
        made = await run_in_threadpool(
            make_result,
            result.columns or (),
            result.rows or (),
            truncated=result.truncated,
            form=request.form,
            byte_limit=request.byte_limit,
        )
        if statement.ended_at:  # cancelled meanwhile
            return
        if request.disposition == "INLINE" and made.size > MAX_INLINE_BYTES:
            self._fail(statement, "BAD_REQUEST", _TOO_LARGE)
            return
        statement.result = made
        self._end(statement, "SUCCEEDED")

    def _fail(self, statement: Statement, code: str, message: str) -> None:
        text = re.sub(r"^\w*(Exception|Error): ", "", message)  # the service names no Python class
        statement.error = {"error_code": code, "message": text}
        if found := _SQL_STATE.search(text):
            statement.error["sql_state"] = found[1]
        self._end(statement, "FAILED")

    def _end(self, statement: Statement, state: str) -> None:
        statement.state, statement.ended_at = state, self._ws.clock.now_ms()
        self._ws.warehouses.release(statement.request.warehouse_id)
        statement.done.set()

    def _forget_old(self) -> None:
        now = self._ws.clock.now_ms()
        for statement_id, statement in list(self._all.items()):
            age = now - statement.ended_at if statement.ended_at else 0
            if age > 12 * _HOUR_MS:
                del self._all[statement_id]
            elif age > _HOUR_MS and statement.state == "SUCCEEDED":
                statement.state, statement.result = "CLOSED", None


async def _execute(call: Call) -> Any:
    statements = call.workspace.statements
    statement_id = statements.execute(call.body)
    statement = statements.find(statement_id)
    if statement.request.wait_seconds:
        try:
            await asyncio.wait_for(statement.done.wait(), statement.request.wait_seconds)
        except asyncio.TimeoutError:
            if statement.request.cancel_on_timeout:
                statements.cancel(statement_id)
    return statements.show(statement_id)


def _get(call: Call) -> Any:
    return call.workspace.statements.show(call.path["id"])


def _chunk(call: Call) -> Any:
    index = call.path["index"]
    if not index.isdecimal():
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"The chunk index must be a number, got {index!r}.")
    return call.workspace.statements.chunk(call.path["id"], int(index))


def _cancel(call: Call) -> Any:
    call.workspace.statements.cancel(call.path["id"])
    return {}


def _external_chunk(call: Call) -> Any:
    values = signed(call)
    statement = call.workspace.statements.find(values["statement"])
    if statement.result is None:
        raise ApiError(404, "NOT_FOUND", "The result is no longer available.")
    return Response(statement.result.content(int(values["chunk"])), media_type="application/octet-stream")


ROUTES: Routes = (
    ("POST", "/api/2.0/sql/statements", _execute),
    ("POST", "/api/2.0/sql/statements/", _execute),  # as older clients write it
    ("GET", "/api/2.0/sql/statements/{id}", _get),
    ("GET", "/api/2.0/sql/statements/{id}/result/chunks/{index}", _chunk),
    ("POST", "/api/2.0/sql/statements/{id}/cancel", _cancel),
    ("GET", "/__emulator/presigned/{holder}/result", _external_chunk),
)
