"""The workspace tree through the real SDK: conflicts, listing, deleting, hostile paths."""

from __future__ import annotations

import base64
import http.client
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, ResourceAlreadyExists, ResourceDoesNotExist
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from dara_dagster.emulator.composition import build_server
from dara_dagster.emulator.services.objects.formats import read_import
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

HEADER = "# Databricks notebook source\n"


def put(client: WorkspaceClient, path: str, content: str | bytes, **more: Any) -> None:
    """Import by JSON, as the SDK's `import_` does."""
    raw = content.encode() if isinstance(content, str) else content
    client.workspace.import_(path=path, content=base64.b64encode(raw).decode(), **more)


def text(client: WorkspaceClient, path: str, kind: ExportFormat | None = None) -> str:
    with client.workspace.download(path, format=kind) as content:
        return content.read().decode()


def raw_call(
    emulator: Emulator, token: str, method: str, target: str, body: bytes = b""
) -> tuple[int, bytes]:
    """A request with the path exactly as given, for what no decent client would send."""
    connection = http.client.HTTPConnection(urlsplit(emulator.host).netloc, timeout=PATIENCE)
    connection.request(method, target, body, {"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_the_parent_folder_must_exist(client: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match=r"The parent folder \(/Shared/no\) does not exist."):
        put(client, "/Shared/no/nb", "1", format=ImportFormat.SOURCE, language=Language.PYTHON)
    client.workspace.mkdirs("/Shared/no/deeper")
    client.workspace.mkdirs("/Shared/no/deeper")
    put(client, "/Shared/no/nb", "1", format=ImportFormat.SOURCE, language=Language.PYTHON)


def test_what_exists_is_kept_unless_overwritten(client: WorkspaceClient) -> None:
    put(client, "/Shared/f.txt", "one", format=ImportFormat.RAW)
    with pytest.raises(ResourceAlreadyExists, match=r"Path \(/Shared/f.txt\) already exists."):
        put(client, "/Shared/f.txt", "two", format=ImportFormat.RAW)
    assert text(client, "/Shared/f.txt") == "one"
    before = client.workspace.get_status("/Shared/f.txt")
    put(client, "/Shared/f.txt", "two", format=ImportFormat.RAW, overwrite=True)
    after = client.workspace.get_status("/Shared/f.txt")
    assert text(client, "/Shared/f.txt") == "two"
    assert (after.object_id, after.created_at) == (before.object_id, before.created_at)
    with pytest.raises(ResourceAlreadyExists):
        client.workspace.mkdirs("/Shared/f.txt/below")
    with pytest.raises(ResourceAlreadyExists):
        client.workspace.upload("/Shared", b"", format=ImportFormat.RAW, overwrite=True)


def test_a_notebook_and_files_of_like_names_coexist(client: WorkspaceClient) -> None:
    put(client, "/Shared/nb", "'notebook'", format=ImportFormat.SOURCE, language=Language.PYTHON)
    put(client, "/Shared/nb.py", "'file'", format=ImportFormat.RAW)
    put(client, "/Shared/nb.sql", "'sql'", format=ImportFormat.SOURCE, language=Language.SQL)
    assert text(client, "/Shared/nb") == HEADER + "'notebook'"
    assert text(client, "/Shared/nb.py") == "'file'"
    assert [item.path for item in client.workspace.list("/Shared")] == [
        "/Shared/nb",
        "/Shared/nb.py",
        "/Shared/nb.sql",
    ]
    client.workspace.delete("/Shared/nb.py")
    put(client, "/Shared/nb", "'again'", format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
    assert text(client, "/Shared/nb") == HEADER + "'again'"
    with pytest.raises(ResourceDoesNotExist):
        client.workspace.get_status("/Shared/nb.py")


def test_status_and_list_of_what_is_missing(client: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist, match=r"Path \(/Shared/none\) doesn't exist."):
        client.workspace.get_status("/Shared/none")
    with pytest.raises(ResourceDoesNotExist):
        list(client.workspace.list("/Shared/none"))
    with pytest.raises(ResourceDoesNotExist):
        client.workspace.delete("/Shared/none")
    with pytest.raises(ResourceDoesNotExist):
        client.workspace.download("/Shared/none")


def test_paths_may_begin_with_workspace_and_have_extra_slashes(client: WorkspaceClient) -> None:
    client.workspace.mkdirs("/Workspace/Shared//a/")
    put(client, "/Workspace/Shared/a//f.txt", "x", format=ImportFormat.RAW)
    assert client.workspace.get_status("/Shared/a/f.txt").path == "/Shared/a/f.txt"
    assert client.workspace.get_status("/Workspace/Shared/a/f.txt").path == "/Workspace/Shared/a/f.txt"
    assert [item.path for item in client.workspace.list("/Workspace/Shared/a")] == ["/Shared/a/f.txt"]


def test_list_a_tree_a_file_and_an_empty_folder(
    client: WorkspaceClient, emulator: Emulator, workspace_token: str
) -> None:
    client.workspace.mkdirs("/Shared/a/empty")
    put(client, "/Shared/a/f.txt", "x", format=ImportFormat.RAW)
    put(client, "/Shared/a/nb", "x", format=ImportFormat.SOURCE, language=Language.PYTHON)
    found = {item.path: item.object_type for item in client.workspace.list("/Shared/a")}
    assert found == {
        "/Shared/a/empty": ObjectType.DIRECTORY,
        "/Shared/a/f.txt": ObjectType.FILE,
        "/Shared/a/nb": ObjectType.NOTEBOOK,
    }
    assert [item.path for item in client.workspace.list("/", recursive=True)] == [
        "/Shared/a/f.txt",
        "/Shared/a/nb",
    ]
    assert [item.path for item in client.workspace.list("/Shared/a/nb")] == ["/Shared/a/nb"]
    assert emulator.admin("GET", "/api/2.0/workspace/list?path=/Shared/a/empty", token=workspace_token) == {}
    late = client.workspace.get_status("/Shared/a/nb").modified_at or 0
    newer = client.workspace.list("/Shared/a", notebooks_modified_after=late + 1)
    assert "/Shared/a/nb" not in [item.path for item in newer]


def test_delete_needs_recursive_for_a_full_folder(client: WorkspaceClient) -> None:
    client.workspace.mkdirs("/Shared/a/b")
    put(client, "/Shared/a/b/nb", "x", format=ImportFormat.SOURCE, language=Language.PYTHON)
    with pytest.raises(BadRequest, match="is not empty") as caught:
        client.workspace.delete("/Shared/a")
    assert caught.value.error_code == "DIRECTORY_NOT_EMPTY"
    client.workspace.delete("/Shared/a", recursive=True)
    with pytest.raises(ResourceDoesNotExist):
        client.workspace.get_status("/Shared/a/b/nb")
    client.workspace.mkdirs("/Shared/a/b")
    assert list(client.workspace.list("/Shared/a/b")) == []
    with pytest.raises(BadRequest):
        client.workspace.delete("/", recursive=True)


def test_the_raw_route_of_the_cli(emulator: Emulator, workspace_token: str, client: WorkspaceClient) -> None:
    base = "/api/2.0/workspace-files"
    target = f"{base}/import-file/Shared/my%20nb.py"
    assert raw_call(emulator, workspace_token, "POST", target, (HEADER + "1").encode())[0] == 200
    assert client.workspace.get_status("/Shared/my nb").object_type == ObjectType.NOTEBOOK
    assert raw_call(emulator, workspace_token, "POST", target, (HEADER + "1").encode())[0] == 409
    assert (
        raw_call(emulator, workspace_token, "POST", target + "?overwrite=true", (HEADER + "2").encode())[0]
        == 200
    )
    assert raw_call(emulator, workspace_token, "GET", f"{base}/Shared/my%20nb") == (
        200,
        (HEADER + "2").encode(),
    )
    missing = f"{base}/import-file/Shared/none/x"
    assert raw_call(emulator, workspace_token, "POST", missing, b"x")[0] == 404
    big = b"x" * (11 * 1024 * 1024)
    assert raw_call(emulator, workspace_token, "POST", f"{base}/import-file/Shared/big.bin", big)[0] == 200
    assert client.workspace.get_status("/Shared/big.bin").size == len(big)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/Shared/../../secret",
        "/Shared/./x",
        "relative",
        "",
        "/Shared/a\x00b",
        "/Shared/" + "x" * 300,
    ],
)
def test_hostile_paths_are_refused_everywhere(client: WorkspaceClient, path: str) -> None:
    for call in (
        lambda: client.workspace.mkdirs(path),
        lambda: put(client, path, "x", format=ImportFormat.RAW),
        lambda: client.workspace.get_status(path),
        lambda: list(client.workspace.list(path)),
        lambda: client.workspace.delete(path, recursive=True),
        lambda: client.workspace.export(path),
    ):
        with pytest.raises(BadRequest):
            call()


def test_hostile_urls_do_not_leave_the_tree(emulator: Emulator, workspace_token: str) -> None:
    for path in ("..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "../../../etc/passwd", "a%00b"):
        for method, route in (
            ("GET", "/api/2.0/workspace-files/"),
            ("POST", "/api/2.0/workspace-files/import-file/"),
        ):
            status, answer = raw_call(emulator, workspace_token, method, route + path, b"x")
            assert status in (400, 404), (path, status, answer)


def test_links_that_lead_out_are_not_followed(
    emulator: Emulator, workspace_token: str, client: WorkspaceClient, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    client.workspace.mkdirs("/Shared/links")
    (tree,) = (emulator.data / "workspaces").glob("*/workspace/Shared/links")
    (tree / "out").symlink_to(tmp_path)
    (tree / "one").symlink_to(tmp_path / "secret")
    for path in ("/Shared/links/out/secret", "/Shared/links/one"):
        with pytest.raises(DatabricksError, match="leads out of its root"):
            client.workspace.download(path)
        with pytest.raises(DatabricksError, match="leads out of its root"):
            put(client, path, "x", format=ImportFormat.RAW, overwrite=True)
    assert list(client.workspace.list("/Shared/links")) == []
    client.workspace.delete("/Shared/links", recursive=True)
    assert (tmp_path / "secret").read_text() == "secret"


def test_what_a_task_writes_there_is_seen(emulator: Emulator, client: WorkspaceClient) -> None:
    client.workspace.mkdirs("/Shared/out-of-a-task")
    (folder,) = (emulator.data / "workspaces").glob("*/workspace/Shared/out-of-a-task")
    (folder / "made.txt").write_text("here")
    (found,) = client.workspace.list("/Shared/out-of-a-task")
    assert (found.object_type, found.size) == (ObjectType.FILE, 4)
    assert text(client, "/Shared/out-of-a-task/made.txt") == "here"


def test_find_gives_the_runner_the_local_file(tmp_path: Path) -> None:
    server = build_server(tmp_path, "token")
    workspace = server.workspace("token")
    assert workspace is not None
    workspace.objects.put(read_import("/Shared/nb", b"x = 1", "SOURCE", "PYTHON"), overwrite=False)
    found = workspace.objects.find("/Workspace/Shared/nb")
    assert found is not None
    assert (found.object_type, found.language) == ("NOTEBOOK", "PYTHON")
    assert found.file == tmp_path / "workspace" / "Shared" / "nb.py"
    assert found.file.read_text() == HEADER + "x = 1"
    assert workspace.objects.find("/Shared/../Shared/nb") is None
    identity = found.object_id
    server.close()
    again = build_server(tmp_path, "token").workspace("token")
    assert again is not None
    kept = again.objects.find("/Shared/nb")
    assert kept is not None and (kept.object_id, kept.language) == (identity, "PYTHON")
