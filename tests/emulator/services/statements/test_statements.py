"""SQL statements through the real SDK, run by the real engine: waits, states, parameters, chunks, links."""

from __future__ import annotations

import csv
import io
import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceDoesNotExist
from databricks.sdk.service import sql
from databricks.sdk.service.sql import StatementState

from dara_dagster.emulator.server.app import ApiError
from dara_dagster.emulator.services.statements.request import read_request
from dara_dagster.emulator.services.statements.results import make_result
from tests.conftest import Emulator, start_emulator
from tests.support import waiting
from tests.support.waiting import PATIENCE

ENDLESS = "SELECT count(*) FROM range(100000000) a CROSS JOIN range(100000000) b WHERE a.id % 7 = b.id % 5"


@pytest.fixture
def warehouse(client: WorkspaceClient) -> str:
    """The id of a warehouse that is about to run."""
    return str(client.warehouses.create(name="sql", cluster_size="2X-Small").id)


def run(client: WorkspaceClient, warehouse: str, text: str, **more: Any) -> sql.StatementResponse:
    return client.statement_execution.execute_statement(text, warehouse, **{"wait_timeout": "50s", **more})


def state(answer: sql.StatementResponse) -> StatementState | None:
    assert answer.status is not None
    return answer.status.state


def rows(answer: sql.StatementResponse) -> list[list[str]]:
    assert state(answer) == StatementState.SUCCEEDED, answer.status
    assert answer.result is not None
    return answer.result.data_array or []


def until(client: WorkspaceClient, statement_id: str, *wanted: StatementState) -> sql.StatementResponse:
    """Return the statement as soon as it is in one of the states."""
    answer = client.statement_execution.get_statement(statement_id)

    def reached() -> bool:
        nonlocal answer
        answer = client.statement_execution.get_statement(statement_id)
        return state(answer) in wanted

    waiting.until(reached, lambda: f"{statement_id} in {wanted}: {answer.status}", pause=0.02)
    return answer


def test_values_are_strings_and_columns_are_typed(client: WorkspaceClient, warehouse: str) -> None:
    values = "1 AS a, 'x' AS b, CAST(NULL AS BIGINT) AS c, CAST(1.5 AS DECIMAL(4,2)) AS d, true AS e"
    answer = run(client, warehouse, f"SELECT {values}, DATE'2024-02-29' AS f")
    assert rows(answer) == [["1", "x", None, "1.50", "true", "2024-02-29"]]
    assert answer.manifest is not None and answer.manifest.schema is not None
    columns = answer.manifest.schema.columns or []
    assert [(c.name, c.type_text, c.type_name.value if c.type_name else None) for c in columns] == [
        ("a", "INT", "INT"),
        ("b", "STRING", "STRING"),
        ("c", "BIGINT", "LONG"),
        ("d", "DECIMAL(4,2)", "DECIMAL"),
        ("e", "BOOLEAN", "BOOLEAN"),
        ("f", "DATE", "DATE"),
    ]
    assert (columns[3].type_precision, columns[3].type_scale) == (4, 2)
    assert (answer.manifest.total_row_count, answer.manifest.truncated) == (1, False)


def test_parameters_by_name_with_types(client: WorkspaceClient, warehouse: str) -> None:
    item = sql.StatementParameterListItem
    parameters = [
        item("n", type="INT", value="41"),
        item("text", value="it's; -- 'quoted'"),
        item("nothing"),
        item("day", type="DATE", value="2024-02-28"),
    ]
    text = "SELECT :n + 1, :text, :nothing, date_add(:day, 1), ':n'"
    answer = run(client, warehouse, text, parameters=parameters)
    assert rows(answer) == [["42", "it's; -- 'quoted'", None, "2024-02-29", ":n"]]


def test_tables_stay_but_the_session_does_not(client: WorkspaceClient, warehouse: str) -> None:
    made = run(
        client, warehouse, "CREATE TABLE t AS SELECT id FROM range(5)", catalog="main", schema="default"
    )
    assert state(made) == StatementState.SUCCEEDED
    assert rows(run(client, warehouse, "SELECT count(*) FROM main.default.t")) == [["5"]]
    assert [c.name for c in client.tables.get("main.default.t").columns or []] == ["id"]
    assert state(run(client, warehouse, "CREATE TEMP VIEW v AS SELECT 1")) == StatementState.SUCCEEDED
    assert state(run(client, warehouse, "SELECT * FROM v")) == StatementState.FAILED


def test_a_failing_statement_is_an_answer_not_an_error(client: WorkspaceClient, warehouse: str) -> None:
    answer = run(client, warehouse, "SELECT * FROM main.default.nowhere")
    assert state(answer) == StatementState.FAILED
    assert answer.status is not None and answer.status.error is not None
    assert "TABLE_OR_VIEW_NOT_FOUND" in (answer.status.error.message or "")
    assert answer.status.error.error_code == sql.ServiceErrorCode.BAD_REQUEST
    assert answer.result is None and answer.manifest is None


def test_row_limit_truncates(client: WorkspaceClient, warehouse: str) -> None:
    answer = run(client, warehouse, "SELECT id FROM range(10) ORDER BY id", row_limit=3)
    assert rows(answer) == [["0"], ["1"], ["2"]]
    assert answer.manifest is not None and answer.manifest.truncated is True


def test_an_answer_before_the_end_and_polling(client: WorkspaceClient, warehouse: str) -> None:
    answer = run(client, warehouse, "SELECT 1", wait_timeout="0s")
    assert state(answer) == StatementState.PENDING and answer.result is None
    assert rows(until(client, str(answer.statement_id), StatementState.SUCCEEDED)) == [["1"]]


def test_a_stopped_warehouse_is_started(client: WorkspaceClient, warehouse: str) -> None:
    client.warehouses.stop(warehouse)
    assert rows(run(client, warehouse, "SELECT 1")) == [["1"]]
    assert client.warehouses.get(warehouse).state == sql.State.RUNNING


def test_cancel_ends_a_running_statement(
    client: WorkspaceClient, warehouse: str, emulator: Emulator, workspace_token: str
) -> None:
    statement = str(run(client, warehouse, ENDLESS, wait_timeout="0s").statement_id)
    until(client, statement, StatementState.RUNNING)
    client.statement_execution.cancel_execution(statement)
    assert state(client.statement_execution.get_statement(statement)) == StatementState.CANCELED
    client.statement_execution.cancel_execution(statement)  # nothing happens
    stats = lambda: emulator.admin("GET", "stats", token=workspace_token)  # noqa: E731
    waiting.until(lambda: stats()["processes"] == 0, "no process is left")


def test_cancel_while_the_warehouse_starts(client: WorkspaceClient, warehouse: str) -> None:
    statement = str(run(client, warehouse, "SELECT 1", wait_timeout="0s").statement_id)
    client.statement_execution.cancel_execution(statement)
    assert state(until(client, statement, StatementState.CANCELED)) == StatementState.CANCELED


def test_a_big_result_comes_in_chunks(client: WorkspaceClient, warehouse: str) -> None:
    answer = run(client, warehouse, "SELECT id, repeat('x', 1000) FROM range(12000) ORDER BY id")
    found, index = rows(answer), answer.result.next_chunk_index if answer.result else None
    assert index == 1, "more than one chunk"
    while index is not None:
        chunk = client.statement_execution.get_statement_result_chunk_n(str(answer.statement_id), index)
        found += chunk.data_array or []
        assert chunk.chunk_index == index
        index = chunk.next_chunk_index
    assert [row[0] for row in found] == [str(number) for number in range(12000)]
    with pytest.raises(NotFound):
        client.statement_execution.get_statement_result_chunk_n(str(answer.statement_id), 99)


def test_results_too_large_to_be_inline_are_there_as_links(client: WorkspaceClient, warehouse: str) -> None:
    text = "SELECT repeat('x', 10000) AS wide FROM range(3000)"
    inline = run(client, warehouse, text)
    assert inline.status is not None and inline.status.error is not None
    assert (inline.status.error.message or "").startswith("Inline byte limit exceeded.")
    external = sql.Disposition.EXTERNAL_LINKS
    answer = run(client, warehouse, text, disposition=external, format=sql.Format.CSV)
    assert answer.manifest is not None and answer.manifest.total_row_count == 3000
    assert answer.result is not None and answer.result.external_links
    link = answer.result.external_links[0].external_link
    with urllib.request.urlopen(str(link), timeout=PATIENCE) as content:  # without a token
        first, *others = csv.reader(io.StringIO(content.read().decode()))
    assert first == ["wide"] and len(others) == answer.result.external_links[0].row_count
    small = run(client, warehouse, "SELECT 1, NULL", disposition=external)
    assert small.result is not None and small.result.external_links
    with urllib.request.urlopen(
        str(small.result.external_links[0].external_link), timeout=PATIENCE
    ) as content:
        assert json.load(content) == [["1", None]]


def test_results_are_closed_after_an_hour_and_forgotten_after_twelve(
    client: WorkspaceClient, warehouse: str, emulator: Emulator, workspace_token: str
) -> None:
    statement = str(run(client, warehouse, "SELECT 1").statement_id)
    emulator.admin("POST", "clock", {"advance_ms": 61 * 60_000}, token=workspace_token)
    assert state(client.statement_execution.get_statement(statement)) == StatementState.CLOSED
    emulator.admin("POST", "clock", {"advance_ms": 12 * 3_600_000}, token=workspace_token)
    with pytest.raises(NotFound):
        client.statement_execution.get_statement(statement)


def test_statements_and_results_outlive_the_server(tmp_path: Path) -> None:
    server = start_emulator(tmp_path, token="t")
    client = server.client("t")
    warehouse = str(client.warehouses.create(name="sql", cluster_size="2X-Small").id)
    good = run(client, warehouse, "SELECT id FROM range(3) ORDER BY id")
    bad = run(client, warehouse, "SELECT * FROM main.default.nowhere")
    running = str(run(client, warehouse, ENDLESS, wait_timeout="0s").statement_id)
    until(client, running, StatementState.RUNNING)
    server.stop(signal.SIGKILL)

    server = start_emulator(tmp_path, token="t")
    client = server.client("t")
    try:
        assert rows(client.statement_execution.get_statement(str(good.statement_id))) == rows(good)
        again = client.statement_execution.get_statement(str(bad.statement_id))
        assert (state(again), again.status) == (StatementState.FAILED, bad.status)
        lost = client.statement_execution.get_statement(running)
        assert state(lost) == StatementState.FAILED
        assert lost.status is not None and lost.status.error is not None
        assert "restarted" in (lost.status.error.message or "")
        server.admin("POST", "clock", {"advance_ms": 61 * 60_000})
        closed = client.statement_execution.get_statement(str(good.statement_id))
        assert state(closed) == StatementState.CLOSED
        assert list((tmp_path / "runs").iterdir()) == []
    finally:
        server.stop()


@pytest.mark.parametrize("how", ["stop", "delete"])
def test_a_statement_ends_with_its_warehouse(client: WorkspaceClient, warehouse: str, how: str) -> None:
    statement = str(run(client, warehouse, ENDLESS, wait_timeout="0s").statement_id)
    until(client, statement, StatementState.RUNNING)
    getattr(client.warehouses, how)(warehouse)
    answer = client.statement_execution.get_statement(statement)
    assert state(answer) == StatementState.FAILED
    assert answer.status is not None and answer.status.error is not None
    assert warehouse in (answer.status.error.message or "")


def test_unknown_warehouses_and_statements(client: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist):
        run(client, "0123456789abcdef", "SELECT 1")
    with pytest.raises(NotFound):
        client.statement_execution.get_statement("none")
    with pytest.raises(NotFound):
        client.statement_execution.cancel_execution("none")


@pytest.mark.parametrize("wait", ["3s", "51s", "10", "-1s", "5 s", "1m"])
def test_the_wait_is_none_or_five_to_fifty_seconds(
    client: WorkspaceClient, warehouse: str, wait: str
) -> None:
    with pytest.raises(InvalidParameterValue, match="wait_timeout must be 0s or between 5s and 50s"):
        run(client, warehouse, "SELECT 1", wait_timeout=wait)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"statement": " "}, "must not be empty"),
        ({"warehouse_id": None}, "warehouse_id"),
        ({"on_wait_timeout": "STOP"}, "Unknown on_wait_timeout 'STOP'"),
        ({"format": "CSV"}, "not supported with the disposition INLINE"),
        ({"format": "ARROW_STREAM", "disposition": "EXTERNAL_LINKS"}, "ARROW_STREAM"),
        ({"parameters": [{"value": "1"}]}, "needs a name"),
        ({"parameters": [{"name": "a", "type": "INT); DROP TABLE x; --"}]}, "unsupported type"),
        ({"parameters": [{"name": "a", "type": "ARRAY<INT>"}]}, "unsupported type"),
        ({"row_limit": 0}, "row_limit must be a positive number"),
        ({"statement": "x" * (16 * 1024 * 1024 + 1)}, "larger than"),
    ],
)
def test_bad_requests_are_refused(body: dict[str, Any], text: str) -> None:
    with pytest.raises(ApiError, match=text) as caught:
        read_request({"statement": "SELECT 1", "warehouse_id": "w", **body})
    assert (caught.value.status, caught.value.code) == (400, "INVALID_PARAMETER_VALUE")


def test_a_byte_limit_cuts_rows_off() -> None:
    table = [["x" * 10] for _ in range(10)]
    result = make_result([["a", "string"]], table, truncated=False, form="JSON_ARRAY", byte_limit=30)
    assert (result.truncated, sum(len(chunk.rows) for chunk in result.chunks)) == (True, 2)
    empty = make_result([["a", "string"]], [], truncated=False, form="JSON_ARRAY", byte_limit=None)
    assert (empty.manifest()["total_chunk_count"], empty.manifest()["total_row_count"]) == (0, 0)
