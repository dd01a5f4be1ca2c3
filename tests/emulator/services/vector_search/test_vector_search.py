"""Vector Search through the real SDK: endpoints, indexes over Delta tables, queries; the rest is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, DatabricksError, NotFound, ResourceAlreadyExists
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    EmbeddingSourceColumn,
    EmbeddingVectorColumn,
    EndpointStatusState,
    EndpointType,
    IndexSubtype,
    PipelineType,
    VectorIndexType,
)

from tests.conftest import Emulator
from tests.support.waiting import until

TABLE, INDEX, ENDPOINT = "main.default.items", "main.default.items_index", "search"
ROWS = "('a', 1, array(1.0D, 0.0D)), ('b', 2, array(0.0D, 1.0D)), ('c', 3, array(0.8D, 0.6D))"


@pytest.fixture(scope="module")
def shared(emulator: Emulator) -> Iterator[WorkspaceClient]:
    """A workspace with a table and an index over it that is ready."""
    client = emulator.client("test-vector-search")
    sql(client, f"CREATE TABLE {TABLE} (id STRING, size INT, v ARRAY<DOUBLE>)")
    sql(client, f"INSERT INTO {TABLE} VALUES {ROWS}")
    made = client.vector_search_endpoints.create_endpoint(ENDPOINT, EndpointType.STANDARD).response
    assert made.endpoint_status is not None
    assert made.endpoint_status.state is EndpointStatusState.PROVISIONING
    create(client)
    ready(client)
    yield client


def sql(client: WorkspaceClient, statement: str) -> None:
    found = list(client.warehouses.list())
    warehouse = found[0].id if found else client.warehouses.create(name="w", cluster_size="Small").id
    done = client.statement_execution.execute_statement(statement, str(warehouse), wait_timeout="50s")
    assert done.status is not None and done.status.error is None, done.status


def spec(**more: Any) -> DeltaSyncVectorIndexSpecRequest:
    vector = EmbeddingVectorColumn(name="v", embedding_dimension=2)
    values = {"source_table": TABLE, "pipeline_type": PipelineType.TRIGGERED, **more}
    return DeltaSyncVectorIndexSpecRequest(**{"embedding_vector_columns": [vector], **values})


def create(client: WorkspaceClient, name: str = INDEX, key: str = "id", **more: Any) -> Any:
    made = {"index_type": VectorIndexType.DELTA_SYNC, "delta_sync_index_spec": spec(), **more}
    return client.vector_search_indexes.create_index(name, ENDPOINT, key, **made)


def state(client: WorkspaceClient, name: str = INDEX) -> Any:
    """The status with `detailed_state`, which the SDK's class drops."""
    answer: Any = client.api_client.do("GET", f"/api/2.0/vector-search/indexes/{name}")
    return answer["status"]


def ready(client: WorkspaceClient, name: str = INDEX) -> Any:
    at_rest = ("ONLINE_NO_PENDING_UPDATE", "ONLINE_PIPELINE_FAILED", "OFFLINE_FAILED")
    until(lambda: state(client, name)["detailed_state"] in at_rest, "the end of the update")
    return state(client, name)


def found(client: WorkspaceClient, **query: Any) -> list[list[Any]]:
    wanted = {"columns": ["id", "size"], "query_vector": [1.0, 0.0], **query}
    answer = client.vector_search_indexes.query_index(INDEX, **wanted)
    assert answer.manifest is not None and answer.result is not None
    assert [column.name for column in answer.manifest.columns or ()] == [*wanted["columns"], "score"]
    assert answer.result.row_count == len(answer.result.data_array or ())
    return list(answer.result.data_array or ())


def test_the_nearest_rows_come_first_with_their_score(shared: WorkspaceClient) -> None:
    rows = found(shared)
    assert [row[:2] for row in rows] == [["a", 1], ["c", 3], ["b", 2]]
    assert [row[2] for row in rows] == pytest.approx([1.0, 1 / 1.4, 1 / 3])
    assert [row[0] for row in found(shared, num_results=1, query_vector=[0, 1])] == ["b"]
    assert [row[0] for row in found(shared, score_threshold=0.5)] == ["a", "c"]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"id": "b"}, ["b"]),
        ({"id": ["a", "b"]}, ["a", "b"]),
        ({"size >": 1, "size <=": 2}, ["b"]),
        ({"id NOT": ["a"]}, ["c", "b"]),
    ],
)
def test_filters_choose_rows(shared: WorkspaceClient, filters: dict[str, Any], ids: list[str]) -> None:
    assert [row[0] for row in found(shared, filters_json=json.dumps(filters))] == ids


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"query_text": "x", "query_vector": None}, "query_text is not supported by the emulator"),
        ({"query_type": "HYBRID"}, "query_type HYBRID is not supported by the emulator"),
        ({"query_vector": None}, "Missing required field: query_vector"),
        ({"query_vector": [1.0]}, "has 1 numbers, but the index has 2 dimensions"),
        ({"columns": ["none"]}, "The index has no column 'none'; it has id, size, v."),
        ({"num_results": 0}, "num_results has to be"),
        ({"filters_json": "["}, "has to be the JSON text of an object"),
        ({"filters_json": '{"id LIKE": "a"}'}, "The filter 'id LIKE' is not supported by the emulator"),
        ({"filters_json": '{"size <": "a"}'}, "compares values of different types"),
        ({"sort_columns": ["size ASC"]}, "sort_columns is not supported by the emulator"),
    ],
)
def test_a_query_that_cannot_be_answered_rightly_is_refused(
    shared: WorkspaceClient, query: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadRequest, match=words.replace("[", r"\[")):
        found(shared, **query)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda c: create(c), ResourceAlreadyExists, "Vector index or table with name"),
        (lambda c: create(c, "items"), BadRequest, "must be catalog.schema.index"),
        (lambda c: create(c, "main.default.x", "none"), BadRequest, "'none' is not in the source table"),
        (lambda c: create(c, "main.default.x", "v"), BadRequest, "it must be one of string, int"),
        (
            lambda c: create(c, "main.default.x", index_type=VectorIndexType.DIRECT_ACCESS),
            BadRequest,
            "index_type DIRECT_ACCESS is not supported by the emulator",
        ),
        (
            lambda c: create(c, "main.default.x", index_subtype=IndexSubtype.FULL_TEXT),
            BadRequest,
            "FULL_TEXT is not supported by the emulator",
        ),
        (
            lambda c: create(
                c,
                "main.default.x",
                delta_sync_index_spec=spec(embedding_source_columns=[EmbeddingSourceColumn(name="id")]),
            ),
            BadRequest,
            "has no embedding models",
        ),
        (
            lambda c: create(
                c, "main.default.x", delta_sync_index_spec=spec(pipeline_type=PipelineType.CONTINUOUS)
            ),
            BadRequest,
            "pipeline_type CONTINUOUS is not supported",
        ),
        (
            lambda c: create(c, "main.default.x", delta_sync_index_spec=spec(source_table="main.default.no")),
            NotFound,
            "does not exist",
        ),
        (
            lambda c: c.vector_search_endpoints.create_endpoint(ENDPOINT, EndpointType.STANDARD),
            ResourceAlreadyExists,
            "already exists",
        ),
        (
            lambda c: c.vector_search_endpoints.create_endpoint("a b", EndpointType.STANDARD),
            BadRequest,
            "1 to 49 letters",
        ),
        (lambda c: c.vector_search_endpoints.delete_endpoint(ENDPOINT), BadRequest, "Delete them first"),
        (lambda c: c.vector_search_endpoints.get_endpoint("none"), NotFound, "none does not exist"),
        (lambda c: c.vector_search_indexes.get_index("a.b.none"), NotFound, "does not exist"),
    ],
)
def test_what_cannot_be_made_is_reported(
    shared: WorkspaceClient,
    make: Callable[[WorkspaceClient], Any],
    error: type[DatabricksError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        make(shared)


def test_an_index_holds_what_its_last_sync_saw(client: WorkspaceClient) -> None:
    sql(client, f"CREATE TABLE {TABLE} (id STRING, size INT, v ARRAY<DOUBLE>)")
    sql(client, f"INSERT INTO {TABLE} VALUES ('a', 1, array(1.0D, 0.0D))")
    client.vector_search_endpoints.create_endpoint(ENDPOINT, EndpointType.STANDARD).result()
    made = create(client)
    assert made.status is not None and made.status.ready is False
    with pytest.raises(BadRequest, match="is not ready"):
        found(client)
    assert ready(client)["indexed_row_count"] == 1
    sql(client, f"INSERT INTO {TABLE} VALUES ('b', 2, array(0.0D, 1.0D))")
    assert [row[0] for row in found(client)] == ["a"]
    client.vector_search_indexes.sync_index(INDEX)
    assert state(client)["detailed_state"] == "ONLINE_TRIGGERED_UPDATE"
    with pytest.raises(BadRequest, match="an update is running"):
        client.vector_search_indexes.sync_index(INDEX)
    assert ready(client)["indexed_row_count"] == 2
    assert [row[0] for row in found(client)] == ["a", "b"]
    sql(client, f"INSERT INTO {TABLE} VALUES ('b', 3, array(0.0D, 1.0D))")
    client.vector_search_indexes.sync_index(INDEX)
    failed = ready(client)
    assert failed["detailed_state"] == "ONLINE_PIPELINE_FAILED"
    assert "two rows have the value 'b' in the primary key id" in failed["message"]
    assert len(found(client)) == 2
    assert [each.name for each in client.vector_search_indexes.list_indexes(ENDPOINT)] == [INDEX]
    assert [each.num_indexes for each in client.vector_search_endpoints.list_endpoints()] == [1]
    client.vector_search_indexes.delete_index(INDEX)
    client.vector_search_endpoints.delete_endpoint(ENDPOINT)
    assert list(client.vector_search_endpoints.list_endpoints()) == []
