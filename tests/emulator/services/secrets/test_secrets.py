"""Secret scopes through the real SDK: values, limits, access lists, privacy on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, ResourceAlreadyExists, ResourceDoesNotExist
from databricks.sdk.service.workspace import AclPermission

from tests.conftest import start_emulator


def test_values_by_scope_and_key(client: WorkspaceClient) -> None:
    client.secrets.create_scope("app")
    client.secrets.put_secret("app", "text", string_value="pässword")
    client.secrets.put_secret("app", "bytes", bytes_value="AAH/")
    assert client.dbutils.secrets.get("app", "text") == "pässword"
    assert client.dbutils.secrets.getBytes("app", "bytes") == b"\x00\x01\xff"
    assert client.secrets.get_secret("app", "bytes").value == "AAH/"
    assert [item.key for item in client.secrets.list_secrets("app")] == ["bytes", "text"]
    assert all(item.last_updated_timestamp for item in client.secrets.list_secrets("app"))
    client.secrets.delete_secret("app", "text")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.get_secret("app", "text")


def test_scopes_come_and_go(client: WorkspaceClient) -> None:
    client.secrets.create_scope("b")
    client.secrets.create_scope("a")
    with pytest.raises(ResourceAlreadyExists, match="Scope a already exists!"):
        client.secrets.create_scope("a")
    assert [scope.name for scope in client.secrets.list_scopes()] == ["a", "b"]
    client.secrets.delete_scope("a")
    for call in (client.secrets.delete_scope, client.secrets.list_secrets, client.secrets.list_acls):
        with pytest.raises(ResourceDoesNotExist, match="Scope a does not exist!"):
            list(call("a") or ())


def test_limits_and_bad_names(client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest):
        client.secrets.create_scope("no spaces")
    client.secrets.create_scope("s")
    for key in ("", "a/b", "x" * 129):
        with pytest.raises(BadRequest):
            client.secrets.put_secret("s", key, string_value="v")
    client.secrets.put_secret("s", "most", string_value="x" * 128 * 1024)
    with pytest.raises(BadRequest, match="exceeds the limit"):
        client.secrets.put_secret("s", "more", string_value="x" * (128 * 1024 + 1))
    with pytest.raises(BadRequest, match="Exactly one of"):
        client.secrets.put_secret("s", "none")
    with pytest.raises(BadRequest, match="base64"):
        client.secrets.put_secret("s", "bad", bytes_value="%%%")


def test_access_lists(client: WorkspaceClient) -> None:
    client.secrets.create_scope("s")
    assert [(a.principal, a.permission) for a in client.secrets.list_acls("s")] == [
        ("developer@localhost", AclPermission.MANAGE)
    ]
    client.secrets.put_acl("s", "users", AclPermission.READ)
    assert client.secrets.get_acl("s", "users").permission == AclPermission.READ
    client.secrets.delete_acl("s", "users")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.get_acl("s", "users")
    with pytest.raises(ResourceDoesNotExist):
        client.secrets.delete_acl("s", "users")


def test_secrets_outlive_the_server_in_a_private_file_and_no_other(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, token="t")
    client = running.client("t")
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="very-secret-value")
    assert running.stop() == 0
    again = start_emulator(tmp_path, token="t")
    try:
        assert again.client("t").dbutils.secrets.get("s", "k") == "very-secret-value"
    finally:
        again.stop()
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name.startswith("store.db"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        elif file.is_file():
            assert b"very-secret-value" not in file.read_bytes()
