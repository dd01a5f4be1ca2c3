"""Files on volumes through the real SDK: streams, ranges, folders, hostile paths."""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, InvalidParameterValue, NotFound, ResourceConflict
from databricks.sdk.errors.base import DatabricksError

from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

MB = 1024 * 1024


def request(
    emulator: Emulator, token: str, method: str, target: str, **more: Any
) -> http.client.HTTPResponse:
    """A request with the target exactly as given; the answer is read and closed."""
    connection = http.client.HTTPConnection(urlsplit(emulator.host).netloc, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
    connection.request(method, target, more.pop("body", None), headers)
    response = connection.getresponse()
    response.text = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def content(client: WorkspaceClient, path: str) -> bytes:
    answer = client.files.download(path)
    assert answer.contents is not None
    with answer.contents as stream:
        return stream.read()


def reasons(error: DatabricksError) -> list[str]:
    return [info.reason for info in error.get_error_info()]


def test_upload_and_download_with_strange_names(client: WorkspaceClient, volume: str) -> None:
    for name in ("plain.txt", "with space & 100%?#.csv", "ünïcödé/日本語.txt", "deep/er/file"):
        client.files.upload(f"{volume}/{name}", io.BytesIO(name.encode()))
        assert content(client, f"{volume}/{name}") == name.encode()
    about = client.files.get_metadata(f"{volume}/plain.txt")
    assert (about.content_length, about.content_type) == (9, "application/octet-stream")
    assert about.last_modified is not None and about.last_modified.endswith("GMT")


def test_empty_files(client: WorkspaceClient, volume: str) -> None:
    client.files.upload(f"{volume}/empty", io.BytesIO(b""))
    assert client.files.get_metadata(f"{volume}/empty").content_length == 0
    assert content(client, f"{volume}/empty") == b""


def test_overwriting_is_the_default_and_can_be_forbidden(client: WorkspaceClient, volume: str) -> None:
    path = f"{volume}/f"
    client.files.upload(path, io.BytesIO(b"one"))
    with pytest.raises(AlreadyExists):
        client.files.upload(path, io.BytesIO(b"two"), overwrite=False)
    assert content(client, path) == b"one"
    client.files.upload(path, io.BytesIO(b"three"), overwrite=True)
    assert content(client, path) == b"three"


def test_the_default_of_the_route_is_to_overwrite(
    client: WorkspaceClient, volume: str, emulator: Emulator, workspace_token: str
) -> None:
    for body in (b"one", b"two"):  # with the content type that curl sends
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        target = f"/api/2.0/fs/files{volume}/f"
        answer = request(emulator, workspace_token, "PUT", target, body=body, headers=form)
        assert answer.status == 204
    assert content(client, f"{volume}/f") == b"two"


def test_of_many_uploads_that_must_not_overwrite_one_wins(client: WorkspaceClient, volume: str) -> None:
    def upload(number: int) -> bool:
        try:
            client.files.upload(f"{volume}/one", io.BytesIO(str(number).encode()), overwrite=False)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(upload, range(8)))
    assert won.count(True) == 1
    assert content(client, f"{volume}/one") == str(won.index(True)).encode()


def test_ranges_and_conditions(
    emulator: Emulator, workspace_token: str, client: WorkspaceClient, volume: str
) -> None:
    client.files.upload(f"{volume}/f", io.BytesIO(b"0123456789"))
    target = f"/api/2.0/fs/files{volume}/f"
    part = request(emulator, workspace_token, "GET", target, headers={"Range": "bytes=3-5"})
    assert (part.status, part.text) == (206, b"345")  # type: ignore[attr-defined]
    assert part.headers["Content-Range"] == "bytes 3-5/10"
    rest = request(emulator, workspace_token, "GET", target, headers={"Range": "bytes=8-"})
    assert (rest.status, rest.text) == (206, b"89")  # type: ignore[attr-defined]
    beyond = request(emulator, workspace_token, "GET", target, headers={"Range": "bytes=20-"})
    assert beyond.status == 416
    modified = part.headers["Last-Modified"]
    same = request(emulator, workspace_token, "GET", target, headers={"If-Unmodified-Since": modified})
    assert same.status == 200
    early = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert request(emulator, workspace_token, "GET", target, headers=early).status == 412
    head = request(emulator, workspace_token, "HEAD", target)
    assert (head.status, head.headers["Content-Length"], head.text) == (200, "10", b"")  # type: ignore[attr-defined]


def test_what_is_missing_is_not_found_with_a_reason(client: WorkspaceClient, volume: str) -> None:
    with pytest.raises(NotFound) as caught:
        client.files.download(f"{volume}/none")
    assert (caught.value.error_code, reasons(caught.value)) == ("NOT_FOUND", ["FILES_API_FILE_NOT_FOUND"])
    for call in (client.files.get_metadata, client.files.delete, client.files.get_directory_metadata):
        with pytest.raises(NotFound):
            call(f"{volume}/none")
    with pytest.raises(NotFound) as caught:
        list(client.files.list_directory_contents(f"{volume}/none"))
    assert reasons(caught.value) == ["FILES_API_DIRECTORY_IS_NOT_FOUND"]
    with pytest.raises(NotFound, match=r"Volume 'main.default.nope' does not exist"):
        client.files.upload("/Volumes/main/default/nope/f", io.BytesIO(b"x"))


def test_directories_are_made_and_deleted_when_empty(client: WorkspaceClient, volume: str) -> None:
    client.files.create_directory(f"{volume}/a/b/c")
    client.files.create_directory(f"{volume}/a/b/c")
    client.files.get_directory_metadata(f"{volume}/a/b")
    client.files.get_directory_metadata(volume)
    with pytest.raises(InvalidParameterValue) as caught:
        client.files.delete_directory(f"{volume}/a")
    assert reasons(caught.value) == ["FILES_API_DIRECTORY_IS_NOT_EMPTY"]
    client.files.delete_directory(f"{volume}/a/b/c")
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(f"{volume}/a/b/c")
    with pytest.raises(InvalidParameterValue):
        client.files.delete_directory(volume)


def test_files_and_directories_do_not_replace_each_other(client: WorkspaceClient, volume: str) -> None:
    client.files.upload(f"{volume}/f", io.BytesIO(b"x"))
    client.files.create_directory(f"{volume}/d")
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(f"{volume}/f")
    for call in (
        lambda: client.files.create_directory(f"{volume}/f"),
        lambda: client.files.create_directory(f"{volume}/f/below"),
        lambda: client.files.upload(f"{volume}/f/below", io.BytesIO(b"x")),
        lambda: client.files.upload(f"{volume}/d", io.BytesIO(b"x"), overwrite=True),
    ):
        with pytest.raises(ResourceConflict):
            call()
    with pytest.raises(NotFound):
        client.files.delete(f"{volume}/d")
    assert content(client, f"{volume}/f") == b"x"


def test_a_folder_is_listed_by_name_page_by_page(client: WorkspaceClient, volume: str) -> None:
    names = [f"f{number:02d}" for number in range(7)]
    for name in reversed(names):
        client.files.upload(f"{volume}/d/{name}", io.BytesIO(name.encode()))
    client.files.create_directory(f"{volume}/d/sub")
    entries = list(client.files.list_directory_contents(f"{volume}/d", page_size=3))
    assert [entry.name for entry in entries] == [*names, "sub"]
    assert [entry.is_directory for entry in entries] == [False] * 7 + [True]
    assert (entries[0].path, entries[0].file_size) == (f"{volume}/d/f00", 3)
    assert entries[0].last_modified is not None and entries[0].last_modified > 1_000_000_000_000
    pages = client.files.list_directory_contents(f"{volume}/d", page_size=3)
    first = [next(pages).name for _ in range(3)]
    client.files.delete(f"{volume}/d/f01")
    assert [*first, *(entry.name for entry in pages)] == [*names, "sub"], "deleting behind moves nothing"


def test_volume_names_are_lower_cased(client: WorkspaceClient, volume: str) -> None:
    client.files.upload("/Volumes/Main/DEFAULT/Inbox/Case.txt", io.BytesIO(b"x"))
    assert content(client, f"{volume}/Case.txt") == b"x"
    with pytest.raises(NotFound):
        client.files.download(f"{volume}/case.txt")


def test_a_stream_without_a_size_is_uploaded(client: WorkspaceClient, volume: str) -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.left = 3 * MB

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            size = min(len(buffer), self.left)
            buffer[:size] = b"z" * size
            self.left -= size
            return size

    client.files.upload(f"{volume}/endless", io.BufferedReader(Endless()))
    assert client.files.get_metadata(f"{volume}/endless").content_length == 3 * MB


@pytest.fixture
def secret(emulator: Emulator) -> Iterator[Path]:
    """A file beside the workspaces' folders that nobody may reach."""
    file = emulator.data / "secret.txt"
    file.write_text("secret")
    yield file
    assert file.read_text() == "secret"
    file.unlink()


@pytest.mark.parametrize(
    "path",
    [
        "/Volumes/main/default/inbox/../../../../../../secret.txt",
        "/Volumes/main/default/inbox/%2e%2e/%2e%2e/secret.txt",
        "/Volumes/main/default/inbox/..%2f..%2f..%2f..%2f..%2f..%2fsecret.txt",
        "/Volumes/main/default/..%2f_volumes/inbox/x",
        "/Volumes/../../secret.txt/x/y",
        "/Volumes/main/default/inbox/./x",
        "/Volumes/main/default/inbox/a%00b",
        "/Volumes/main",
        "/Workspace/Shared/x/y/z",
        "//Volumes//..//x/y/z",
    ],
)
def test_hostile_paths_are_refused_everywhere(
    emulator: Emulator, workspace_token: str, volume: str, secret: Path, path: str
) -> None:
    for kind in ("files", "directories"):
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = request(emulator, workspace_token, method, f"/api/2.0/fs/{kind}{path}", body=b"hacked")
            assert answer.status in (400, 404), (method, kind)
            assert b"secret" not in answer.text.replace(b"secret.txt", b"")  # type: ignore[attr-defined]


def test_links_that_lead_out_of_a_volume_are_not_followed(
    emulator: Emulator, client: WorkspaceClient, volume: str, secret: Path
) -> None:
    client.files.create_directory(f"{volume}/with-links")
    (folder,) = (emulator.data / "workspaces").glob("*/tables/main/default/_volumes/inbox/with-links")
    (folder / "out").symlink_to(emulator.data)
    (folder / "file").symlink_to(secret)
    for path in (f"{volume}/with-links/out/secret.txt", f"{volume}/with-links/file"):
        for call in (client.files.download, client.files.delete):
            with pytest.raises(DatabricksError, match="leads out"):
                call(path)
        with pytest.raises(DatabricksError, match="leads out"):
            client.files.upload(path, io.BytesIO(b"hacked"), overwrite=True)
    assert list(client.files.list_directory_contents(f"{volume}/with-links")) == []


def test_the_dbutils_of_the_sdk_works_on_volumes(client: WorkspaceClient, volume: str) -> None:
    client.dbutils.fs.put(f"{volume}/made/by.txt", "dbutils", overwrite=True)
    assert client.dbutils.fs.head(f"{volume}/made/by.txt") == "dbutils"
    assert [info.name for info in client.dbutils.fs.ls(f"{volume}/made")] == ["by.txt"]
