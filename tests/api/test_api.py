"""The REST API of a real `dara serve`, with Dagster's daemon and the emulator behind it."""

from __future__ import annotations

import json
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from dagster import DagsterInstance
from databricks.sdk.service.catalog import VolumeType

from dara_dagster.defs.execution.attempts import SEED_TAG
from tests.api.served import Answer, Server, form, module_token, served
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

__all__ = ["module_token", "served"]

DAILY = "/api/v1/workflows/daily/runs"


def start(served: Server, workflow: str = "daily", body: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return served.call("POST", f"/api/v1/workflows/{workflow}/runs", body, named)


def over(status: dict[str, Any]) -> bool:
    return status["state"] in ("success", "failed", "cancelled")


def test_a_run_is_started_and_followed_to_its_end(served: Server) -> None:
    answer = start(served, body={"parameters": {"day": "hunter2", "number": 3, "yes": True}})

    assert answer.status == 202
    run_id, links = answer.body["run_id"], answer.body["links"]
    assert answer.headers["location"] == links["status"] == f"/api/v1/runs/{run_id}"
    assert (answer.body["workflow"], answer.body["replayed"]) == ("daily", False)
    run = served.wait(run_id, over)
    assert (run["state"], run["job"], run["error"]) == ("success", "daily", "")
    assert [(task["name"], task["state"], task["attempt"]) for task in run["tasks"]] == [
        ("load", "success", 1),
        ("left", "success", 1),
        ("right", "success", 1),
    ]
    for task in run["tasks"]:
        assert str(task["databricks_run_id"]) in task["url"]
        assert task["start"] <= task["end"]
    assert served.call("GET", links["ui"]).status == 200
    assert "hunter2" not in (served.project.root / ".dagster" / "daemon.log").read_text()
    again = served.call("POST", links["cancel"])
    assert (again.status, again.body["detail"]) == (409, f"Run {run_id} has already ended: success.")


def test_racing_requests_with_one_key_start_one_run(served: Server) -> None:
    key, body = str(uuid.uuid4()), {"parameters": {"day": "monday"}}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: start(served, body=body, Idempotency_Key=key), range(8)))

    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["run_id"] for answer in answers}) == 1
    assert sorted(answer.body["replayed"] for answer in answers) == [False] + 7 * [True]
    other = start(served, body={"sequential": True}, Idempotency_Key=key)
    assert (other.status, other.wrong_keys) == (409, ["Idempotency-Key"])


def test_a_run_that_was_deleted_gives_its_key_back(served: Server) -> None:
    def seed() -> tuple[str, str]:
        answer = start(served, "ingest", Idempotency_Key="deleted")  # ends soon: it has no file
        run_id = answer.body["run_id"]
        assert not answer.body["replayed"]
        query = f'{{runOrError(runId: "{run_id}") {{... on Run {{tags {{key}}}}}}}}'
        reported = served.call("POST", "/graphql", {"query": query}).body["data"]["runOrError"]["tags"]
        shown = {tag["key"] for tag in reported if tag["key"].startswith(("dara", ".dagster"))}
        assert shown == {"dara/project", "dara/started_by", "dara/workflow", "dara/workspace"}
        with DagsterInstance.from_config(str(served.project.root / ".dagster")) as instance:
            run = instance.get_run_by_id(run_id)
        assert run is not None
        return run_id, run.tags[SEED_TAG]

    run_id, first = seed()
    served.wait(run_id, over)
    served.call("POST", "/graphql", {"query": f'mutation {{deleteRun(runId: "{run_id}") {{__typename}}}}'})
    again, second = seed()

    assert again == run_id and first != second


def test_headers_without_end_are_refused(served: Server) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_file_starts_a_pipeline_once(served: Server, emulator: Emulator, module_token: str) -> None:
    client = emulator.client(module_token)
    client.volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    body, headers = form(b"name\nJFK\n", "C:\\here\\airports.csv", parameters='{"origin": "JFK"}', job="x")

    answers = [start(served, "ingest", body, **headers, Idempotency_Key="file-1") for _ in range(2)]

    assert [answer.status for answer in answers] == [202, 202], answers
    assert [answer.body["replayed"] for answer in answers] == [False, True]
    run = served.wait(answers[0].body["run_id"], over)
    assert run["state"] == "success"
    left = {"path": "/Volumes/main/default/inbox/airports.csv", "file_name": "airports.csv", "bytes": 9}
    assert run["result"] == run["tasks"][0]["result"] == left
    found = client.files.download("/Volumes/main/default/inbox/airports.csv").contents
    assert found is not None and found.read() == b"name\nJFK\n"
    uploads = served.project.root / ".dara" / "uploads"
    assert [path.name for path in uploads.rglob("*") if path.is_file()] == ["airports.csv"]


@pytest.mark.parametrize(
    ("workflow", "body", "status", "key", "words"),
    [
        ("dayly", None, 404, "name", "Did you mean 'daily'?"),
        ("daily", {"parameter": {}}, 422, "parameter", "Did you mean 'parameters'?"),
        ("daily", {"parameters": {"a": [1]}}, 422, "parameters.a", "text, a number, true or false"),
        ("daily", {"parameters": {"a": None}}, 422, "parameters.a", "text, a number, true or false"),
        ("daily", {"parameters": ["a"]}, 422, "parameters", "names and values"),
        ("daily", {"parameters": {"a": "\0"}}, 422, "parameters.a", "no text"),
        ("daily", {"parameters": {"a": "\ud800"}}, 422, "parameters.a", "no text"),
        ("daily", {"sequential": "yes"}, 422, "sequential", "true or false"),
        ("one_script", {"parameters": {"dya": "2"}}, 422, "parameters.dya", "Did you mean 'day'?"),
        ("daily", [1], 422, None, "JSON object"),
        ("daily", b'{"a": NaN}', 400, None, "not valid JSON"),
        ("daily", b"{", 400, None, "not valid JSON"),
        ("daily", b'{"parameters": {"a": 1, "a": 2}}', 400, None, "'a' comes twice"),
        ("daily", b'{"parameters": {"a": 1e999}}', 422, "parameters.a", "text, a number, true or false"),
        ("daily", {"parameters": {"\ud800": 1}}, 422, "parameters.\\ud800", "no text"),
        ("daily", {"\ud800": 1}, 422, None, "no text"),
        ("daily", {"k" * 500: 1}, 422, "k" * 200, "Unknown key"),
        ("daily", b" " * 2_000_000, 413, None, "larger than 1 MB"),
    ],
)
def test_a_wrong_request_is_reported_in_a_sentence(
    served: Server, workflow: str, body: Any, status: int, key: str | None, words: str
) -> None:
    json_type = {"Content-Type": "application/json"} if isinstance(body, bytes) else {}
    answer = start(served, workflow, body, **json_type)

    assert (answer.status, answer.wrong_keys) == (status, [key] if key else []), answer
    assert words in answer.body["detail"]


@pytest.mark.parametrize(
    ("workflow", "fields", "key", "words"),
    [
        ("daily", {}, "file", "takes no file"),
        (
            "ingest",
            {"parameters": '{"file_path": "/etc/hosts"}'},
            "parameters.file_path",
            "is set by the file",
        ),
        ("ingest", {"parameter": "{}"}, "parameter", "Did you mean 'parameters'?"),
        ("ingest", {"parameters": "x"}, "parameters", "not valid JSON"),
        ("ingest", {"parameters": '{"day": 1}', "day": "2"}, "day", "comes twice"),
        ("ingest", {"file_name": "other.csv"}, "parameters.file_name", "is set by the file"),
    ],
)
def test_a_wrong_form_leaves_nothing_behind(
    served: Server, workflow: str, fields: dict[str, str], key: str | None, words: str
) -> None:
    body, headers = form(b"name\n", "wrong.csv", **fields)

    answer = start(served, workflow, body, **headers)

    assert (answer.status, answer.wrong_keys) == (422, [key]), answer
    assert words in answer.body["detail"]
    assert not list((served.project.root / ".dara" / "uploads" / "incoming").glob("*"))


@pytest.mark.parametrize("key", ["file", "file_path"])
def test_a_file_of_the_server_is_not_a_parameter(served: Server, key: str) -> None:
    outside = "incoming/../config/project.json"
    (served.project.root / "incoming").mkdir(exist_ok=True)
    link = served.project.root / "incoming" / "link"
    if not link.is_symlink():
        link.symlink_to("/etc/passwd")
    for path in ("/etc/passwd", outside, "incoming/link"):
        answer = start(served, "ingest", {"parameters": {key: path}})

        assert (answer.status, answer.wrong_keys) == (422, [f"parameters.{key}"]), answer
        assert "upload_folders" in answer.body["detail"]


_LAUNCH = """mutation ($config: RunConfigData!) {
  launchRun(executionParams: {selector: {repositoryLocationName: %s, repositoryName: %s,
    jobName: "ingest"}, runConfigData: $config}) {
    __typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message}
  }
}"""


def test_a_run_from_the_launchpad_reads_no_other_file_either(served: Server) -> None:
    places = "{repositoriesOrError {... on RepositoryConnection {nodes {name location {name}}}}}"
    nodes = served.call("POST", "/graphql", {"query": places}).body["data"]["repositoriesOrError"]["nodes"]
    mutation = _LAUNCH % (json.dumps(nodes[0]["location"]["name"]), json.dumps(nodes[0]["name"]))
    volume = "/Volumes/main/default/inbox/stolen"
    configs = [{"values": {"file": "/etc/passwd"}}, {"uploads": {volume: "/etc/passwd"}}]

    def launch(config: dict[str, Any]) -> str:
        variables = {"config": {"resources": {"parameters": {"config": config}}}}
        reported = served.call("POST", "/graphql", {"query": mutation, "variables": variables}).body
        return str(reported["data"]["launchRun"]["run"]["runId"])

    for run_id in [launch(config) for config in configs]:
        run = served.wait(run_id, over)
        reported = run["error"] + "".join(task["error"] for task in run["tasks"])
        assert run["state"] == "failed" and "upload_folders" in reported, run


def test_all_that_is_wrong_is_reported_at_once(served: Server) -> None:
    body = {"parametres": {}, "sequential": 1, "parameters": {"dya": "2", "day": [1], "": "x"}}

    answer = start(served, "one_script", body, Idempotency_Key="x" * 300)

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status, answer.body["status"], answer.body["type"]) == (422, 422, "about:blank")
    assert sorted(map(str, answer.wrong_keys)) == [
        "Idempotency-Key",
        "parameters",
        "parameters.day",
        "parameters.dya",
        "parametres",
        "sequential",
    ]
    assert "6 things" in answer.body["detail"]
    form_body, headers = form(b"x", "x.csv", parameters="{", sequential="1", parameter="2")
    assert start(served, "ingest", form_body, **headers).wrong_keys == [
        "parameters",
        "parameter",
        "sequential",
    ]


def test_a_form_that_is_cut_off_starts_nothing(served: Server) -> None:
    body, headers = form(b"name\nJFK\n", "airports.csv")

    answer = start(served, "ingest", body[:-4], **headers)

    assert (answer.status, "cut off" in answer.body["detail"]) == (400, True), answer


def test_names_of_files_that_lead_elsewhere_are_refused(served: Server) -> None:
    body, headers = form(b"name\n", "..")

    answer = start(served, "ingest", body, **headers)

    assert (answer.status, answer.wrong_keys) == (422, ["file"])


def test_a_file_larger_than_allowed_is_refused(served: Server) -> None:
    body, headers = form(b" " * 1_100_000, "large.csv")

    answer = start(served, "ingest", body, **headers)

    assert (answer.status, answer.body["detail"]) == (
        413,
        "The body is larger than 1 MB, the most this server takes here.",
    )
    assert not list((served.project.root / ".dara" / "uploads" / "incoming").glob("*"))


@pytest.mark.parametrize(
    ("method", "path", "status", "key"),
    [
        ("GET", "/api/v1/workflow/status/none", 404, "run_id"),
        ("POST", "/api/v1/runs/none/cancel", 404, "run_id"),
        ("GET", "/api/v1/runs?limit=0", 422, "limit"),
        ("GET", "/api/v1/runs?before=none", 404, "before"),
        ("GET", "/api/v1/runs?workflow=none", 404, "name"),
        ("GET", DAILY, 405, None),
        ("GET", "/api/v2/runs", 404, None),
    ],
)
def test_wrong_places_are_reported(
    served: Server, method: str, path: str, status: int, key: str | None
) -> None:
    answer = served.call(method, path)

    assert (answer.status, answer.wrong_keys) == (status, [key] if key else [])
    assert answer.body["detail"].endswith((".", "runs"))


def test_runs_come_in_pages(served: Server) -> None:
    started = [start(served, body={"sequential": way}).body["run_id"] for way in (False, True)]

    first = served.call("GET", "/api/v1/runs?limit=1&workflow=daily").body
    second = served.call("GET", f"/api/v1/runs?limit=1&workflow=daily&before={first['next']}").body

    assert [run["run_id"] for page in (first, second) for run in page["runs"]] == started[::-1]
    assert [run["job"] for run in second["runs"] + first["runs"]] == ["daily", "daily_sequential"]


def test_the_workflows_say_what_they_take(served: Server) -> None:
    reported = served.call("GET", "/api/v1/workflows").body

    found = {workflow["name"]: workflow for workflow in reported["workflows"]}
    assert found["daily"]["tasks"] == ["load", "left", "right"]
    assert [found[name]["takes_file"] for name in ("daily", "ingest")] == [False, True]
    assert found["one_script"]["parameters"] == {"day": "1"}


def test_ui_and_graphql_are_served_beside_it(served: Server) -> None:
    page = served.call("GET", "/runs")
    policy = [part.split()[0] for part in page.headers["content-security-policy"].split(";")]
    assert 'id="__next"' in page.body and "no-store" in page.headers["cache-control"]
    assert len(policy) == len(set(policy)) and {"default-src", "script-src", "frame-ancestors"} <= set(policy)
    jobs = "{repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } }}"
    answer = served.call("POST", "/graphql", {"query": jobs})
    assert '"daily"' in json.dumps(answer.body)


@pytest.mark.parametrize(
    "path",
    [
        "/notebook?path=/etc/x.ipynb&repoLocName=x",
        "/dagit/notebook?path=/etc/x.ipynb&repoLocName=x",
        "/logs/../../config/project/json",
        "/logs/..%2f..%2fconfig/project/json",
        "/logs//etc/passwd",
        "/logs/a%5c..%5cb/err",
        "/logs/x",
        "/download_debug/none",
        "/_next/../../../webserver.py",
        "/_next/..%2f..%2f..%2fwebserver.py",
    ],
)
def test_routes_of_the_ui_lead_to_no_other_files(served: Server, path: str) -> None:
    answer = served.call("GET", path)

    assert answer.status == 404, answer
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_large_body_reaches_no_route_of_the_ui(served: Server) -> None:
    answer = served.call("POST", "/graphql", b"x" * 2_000_000, {"Content-Type": "application/json"})

    assert (answer.status, answer.body["status"]) == (413, 413)


def test_health_tells_whether_it_lives_and_whether_it_can_work(served: Server) -> None:
    for at in ("/health", "/api/v1/health"):
        live, ready = (served.call("GET", f"{at}/{which}") for which in ("live", "ready"))

        assert (live.status, live.body) == (200, {"status": "ok"})
        assert ready.body == served.call("GET", "/api/v1/health").body and ready.status == 200
        assert ready.headers["cache-control"] == "no-store"


def test_a_run_is_found_under_both_its_paths(served: Server) -> None:
    run_id = start(served, Idempotency_Key="both").body["run_id"]

    assert served.call("GET", f"/api/v1/workflow/status/{run_id[:13]}").body["run_id"] == run_id
    assert served.call("GET", f"/api/v1/runs/{run_id[:13]}").body["run_id"] == run_id


def test_openapi_is_complete_and_its_page_needs_no_network(served: Server) -> None:
    document = served.call("GET", "/api/openapi.json").body
    page = served.call("GET", "/api/docs").body

    schemas = document["components"]["schemas"]
    assert {"Run", "Task", "Launched", "Workflows", "Problem", "RunRequest"} <= schemas.keys()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f"{method.upper()} <code>{path}</code>" in page
            assert operation["tags"] and operation["operationId"]
            for status, answer in operation["responses"].items():
                for content in answer["content"].values():
                    assert content["schema"]["$ref"].rpartition("/")[2] in schemas
                assert ("Retry-After" in answer.get("headers", ())) == (status in ("429", "503")), (
                    path,
                    status,
                )
    assert "src=" not in page and "http" not in page.replace("http-equiv", "")


def test_ctrl_c_leaves_runs_alone_and_a_key_outlives_the_server(
    served: Server, emulator: Emulator, module_token: str
) -> None:
    run_id = start(served, "one_script", Idempotency_Key="outlives").body["run_id"]
    served.wait(run_id, lambda run: bool(run["tasks"]) and bool(run["tasks"][0]["databricks_run_id"]))

    assert "Traceback" not in served.interrupt()
    served.start()

    assert emulator.admin("GET", "stats", token=module_token)["active_runs"] == 1
    again = start(served, "one_script", Idempotency_Key="outlives")
    assert (again.status, again.body["run_id"], again.body["replayed"]) == (202, run_id, True)
    other = start(served, "one_script")
    assert other.status == 409 and "max_concurrent_runs" in other.body["detail"]
    # And it is cancelled from the new server, though the old one has started it.
    assert served.status(run_id)["state"] == "running"
    cancelled = served.call("POST", f"/api/v1/runs/{run_id[:8]}/cancel")
    assert (cancelled.status, cancelled.body["run_id"]) == (202, run_id)
    assert served.wait(run_id, over)["state"] == "cancelled"
    assert emulator.admin("GET", "stats", token=module_token)["active_runs"] == 0
