"""Uploads in parts and presigned URLs, by the real SDK and by hand."""

from __future__ import annotations

import hashlib
import io
import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import AlreadyExists, InvalidParameterValue, NotFound

from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

MB = 1024 * 1024
VOLUME = "/Volumes/main/default/inbox"


@pytest.fixture
def in_parts(emulator: Emulator, workspace_token: str) -> WorkspaceClient:
    """A client that uploads in parts of 64 KB from 128 KB on, and downloads in parallel from there."""
    config = Config(host=emulator.host, token=workspace_token, auth_type="pat", retry_timeout_seconds=5)
    config.files_ext_multipart_upload_min_stream_size = 128 * 1024
    config.files_ext_multipart_upload_default_part_size = 64 * 1024
    config.files_ext_multipart_upload_part_size_options = [64 * 1024, MB]
    config.files_ext_parallel_download_min_file_size = 128 * 1024
    config.files_ext_parallel_download_default_part_size = 64 * 1024
    return WorkspaceClient(config=config)


def content(client: WorkspaceClient, path: str) -> bytes:
    answer = client.files.download(path)
    assert answer.contents is not None
    with answer.contents as stream:
        return stream.read()


def test_uploads_in_parts_go_to_presigned_urls(
    in_parts: WorkspaceClient, volume: str, emulator: Emulator, workspace_token: str, tmp_path: Path
) -> None:
    data = os.urandom(MB + 17)
    local = tmp_path / "local.bin"
    local.write_bytes(data)
    in_parts.files.upload(f"{volume}/stream", io.BytesIO(data), use_parallel=False)
    in_parts.files.upload(f"{volume}/parallel", io.BytesIO(data))
    in_parts.files.upload_from(f"{volume}/from", str(local))
    for name in ("stream", "parallel", "from"):
        in_parts.files.download_to(f"{volume}/{name}", str(tmp_path / name), use_parallel=True)
        assert (tmp_path / name).read_bytes() == data, name
    calls = emulator.admin("GET", "stats", token=workspace_token)["calls"]
    assert calls["PUT /__emulator/presigned/{holder}/part"] >= 3 * (MB // (64 * 1024))
    assert calls["GET /__emulator/presigned/{holder}/download"] >= 3
    assert "PUT /api/2.0/fs/files/{path:path}" not in calls, "the SDK did not fall back to one PUT"
    assert _staged(emulator) == []


def test_an_upload_in_parts_respects_overwrite_false(in_parts: WorkspaceClient, volume: str) -> None:
    in_parts.files.upload(f"{volume}/f", io.BytesIO(b"one"))
    with pytest.raises(AlreadyExists):
        in_parts.files.upload(f"{volume}/f", io.BytesIO(b"x" * 256 * 1024), overwrite=False)
    assert content(in_parts, f"{volume}/f") == b"one"


def test_a_bigger_file_with_the_settings_as_they_are(
    client: WorkspaceClient, volume: str, tmp_path: Path
) -> None:
    data = os.urandom(MB) * 55
    client.files.upload(f"{volume}/big", io.BytesIO(data))
    client.files.download_to(f"{volume}/big", str(tmp_path / "big"))
    got = hashlib.sha256((tmp_path / "big").read_bytes()).hexdigest()
    assert got == hashlib.sha256(data).hexdigest()


def _staged(emulator: Emulator) -> list[Path]:
    return list((emulator.data / "workspaces").glob("*/staging/*"))


@pytest.fixture
def session(client: WorkspaceClient, volume: str) -> str:
    """The token of an upload in parts to `<volume>/parts`."""
    answer = client.api_client.do(
        "POST", f"/api/2.0/fs/files{volume}/parts", query={"action": "initiate-upload"}
    )
    assert isinstance(answer, dict)
    return str(answer["multipart_upload"]["session_token"])


def _part_url(client: WorkspaceClient, session: str, number: int = 1) -> str:
    body = {"path": f"{VOLUME}/parts", "session_token": session, "start_part_number": number, "count": 1}
    answer = client.api_client.do("POST", "/api/2.0/fs/create-upload-part-urls", body=body)
    assert isinstance(answer, dict)
    return str(answer["upload_part_urls"][0]["url"])


def _put(url: str, body: bytes) -> tuple[int, str]:
    request = urllib.request.Request(url, body, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _complete(client: WorkspaceClient, session: str, *parts: tuple[int, str]) -> None:
    query = {"action": "complete-upload", "upload_type": "multipart", "session_token": session}
    body = {"parts": [{"part_number": number, "etag": etag} for number, etag in parts]}
    client.api_client.do("POST", f"/api/2.0/fs/files{VOLUME}/parts", query=query, body=body)


def test_parts_may_come_again_and_in_any_order(client: WorkspaceClient, session: str) -> None:
    _, second = _put(_part_url(client, session, 2), b"world")
    _put(_part_url(client, session, 1), b"wrong")
    _, first = _put(_part_url(client, session, 1), b"hello ")
    _complete(client, session, (1, first), (2, second))
    assert content(client, f"{VOLUME}/parts") == b"hello world"
    with pytest.raises(NotFound):
        _complete(client, session, (1, first), (2, second))


def test_wrong_or_missing_parts_are_refused(client: WorkspaceClient, session: str) -> None:
    _put(_part_url(client, session), b"x")
    with pytest.raises(InvalidParameterValue, match="etag"):
        _complete(client, session, (1, '"other"'))
    with pytest.raises(InvalidParameterValue, match="was not uploaded"):
        _complete(client, session, (2, '"other"'))
    with pytest.raises(InvalidParameterValue):
        _complete(client, session)
    with pytest.raises(NotFound):
        _complete(client, "0" * 32, (1, '"x"'))
    with pytest.raises(NotFound):
        _complete(client, "../../x", (1, '"x"'))


def test_an_aborted_upload_is_gone(client: WorkspaceClient, session: str, emulator: Emulator) -> None:
    url = _part_url(client, session)
    body = {"path": f"{VOLUME}/parts", "session_token": session}
    answer = client.api_client.do("POST", "/api/2.0/fs/create-abort-upload-url", body=body)
    assert isinstance(answer, dict)
    abort = urllib.request.Request(answer["abort_upload_url"]["url"], method="DELETE")
    with urllib.request.urlopen(abort, timeout=PATIENCE) as done:
        assert done.status == 200
    assert _put(url, b"late")[0] == 404


def test_a_presigned_url_cannot_be_changed_and_expires(
    client: WorkspaceClient, session: str, emulator: Emulator, workspace_token: str
) -> None:
    url = _part_url(client, session)
    for changed in (
        url.replace("part=1", "part=2"),
        url.replace("/part?", "/upload?").replace("part=1", "part=1"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("&signature")[0],
        url.replace("/presigned/", "/presigned/x"),
    ):
        assert _put(changed, b"x")[0] in (403, 404), changed
    assert _put(url, b"x")[0] == 200
    emulator.admin("POST", "clock", {"advance_ms": 16 * 60_000}, token=workspace_token)
    status, text = _put(url, b"x")
    assert (status, "expired" in text) == (403, True)
