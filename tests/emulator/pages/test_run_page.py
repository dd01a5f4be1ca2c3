"""The page of a run: what it shows, and that its link opens nothing else."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from databricks.sdk import WorkspaceClient

from dara_dagster.workspace.runs.jobs_api import modern_url
from tests.conftest import Emulator, start_emulator
from tests.emulator.driving import notebook, submit, wait
from tests.support.waiting import PATIENCE

Browse = Callable[[str], tuple[int, str]]


def browse(url: str) -> tuple[int, str]:
    """GET without a token, as a browser does; returns the status and the page."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def link(client: WorkspaceClient, run_id: int) -> str:
    return modern_url(client.jobs.get_run(run_id).run_page_url or "")


@pytest.fixture
def simulate(emulator: Emulator, workspace_token: str) -> Callable[..., None]:
    return lambda **rule: emulator.admin("POST", "simulate", rule, token=workspace_token)


def test_a_failed_run_shows_its_error_and_escapes_it(
    client: WorkspaceClient, simulate: Callable[..., None]
) -> None:
    simulate(duration_ms=50, result="FAILED", error="ValueError: <script>alert(1)</script> & more")
    task = notebook("a")
    task.notebook_task.base_parameters = {"day": "<b>1</b>"}
    run_id = submit(client, task, run_name="<i>night</i>ly")
    wait(client, run_id)

    status, page = browse(link(client, run_id))

    assert status == 200
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "&lt;i&gt;night&lt;/i&gt;ly" in page and "&lt;b&gt;1&lt;/b&gt;" in page
    assert "<script" not in page and "http-equiv" not in page
    assert ">failed<" in page


def test_a_running_run_loads_itself_again(client: WorkspaceClient, simulate: Callable[..., None]) -> None:
    simulate(duration_ms=60_000)
    run_id = submit(client, notebook("a"))

    status, page = browse(link(client, run_id))

    assert status == 200 and 'http-equiv="refresh"' in page


def test_tasks_have_pages_of_their_own(client: WorkspaceClient, simulate: Callable[..., None]) -> None:
    simulate(duration_ms=50, exit_value="42 rows")
    run_id = submit(client, notebook("a"), notebook("b"))
    wait(client, run_id)
    url = link(client, run_id)

    _, page = browse(url)
    path = re.findall(r'<a href="(/jobs/[^"]+)">b</a>', page)[0].replace("&amp;", "&")
    status, of_task = browse(f"http://{urlsplit(url).netloc}{path}")

    assert status == 200 and "42 rows" in of_task and "the whole run" in of_task


def test_a_link_opens_the_page_of_its_run_only(
    client: WorkspaceClient, simulate: Callable[..., None]
) -> None:
    simulate(duration_ms=50)
    one, two = (link(client, submit(client, notebook("a"))) for _ in range(2))
    signature = one.rpartition("s=")[2]

    assert browse(one)[0] == 200
    refused = [
        one.partition("?")[0],
        one[:-1] + ("0" if one[-1] != "0" else "1"),
        two.rpartition("s=")[0] + "s=" + signature,
        one.replace("/jobs/", "/jobs/1"),
        f"http://{urlsplit(one).netloc}/jobs/runs/1",
    ]
    pages = [browse(url) for url in refused]
    assert [status for status, _ in pages] == [403] * len(refused)
    assert len({page for _, page in pages}) == 1  # nothing tells a wrong signature from a missing run


def test_the_start_page_sends_the_legacy_link_on(emulator: Emulator) -> None:
    status, page = browse(f"{emulator.host}/?o=1")

    assert status == 200 and "location.replace" in page


def test_links_outlive_the_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("pages")
    first = start_emulator(data, token="secret")
    try:
        client = first.client("secret")
        first.admin("POST", "simulate", {"duration_ms": 0})
        run_id = submit(client, notebook("a"))
        wait(client, run_id)
        before = urlsplit(link(client, run_id))
    finally:
        first.stop()
    second = start_emulator(data, token="secret")
    try:
        assert browse(f"{second.host}{before.path}?{before.query}")[0] == 200
    finally:
        second.stop()
