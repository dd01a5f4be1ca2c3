"""Nothing like a secret stays in a text that somebody sees."""

from __future__ import annotations

import pytest

from dara_dagster.workspace.redaction import redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY = "A" * 43 + "b" * 43 + "=="
SECRETS = {
    "a token": "dapi0123456789abcdef0123456789abcdef-2",
    "an OAuth secret": "dose0123456789abcdef0123456789abcdef",
    "a JSON Web Token": JWT,
    "a storage key": KEY,
    "a client secret of Entra ID": "abc8Q~" + "x" * 34,
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_what_has_the_form_of_a_secret_goes(secret: str) -> None:
    assert redact(f"refused {secret}, sorry", {}) == "refused [REDACTED], sorry"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer [REDACTED]"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [REDACTED]"),
        ("?sv=2024&sig=a%2Fb%3D&se=1", "?sv=2024&sig=[REDACTED]&se=1"),
        (f"AccountName=x;AccountKey={KEY};Suffix=y", "AccountName=x;AccountKey=[REDACTED];Suffix=y"),
        ("postgresql://me:p@ss@host:5432/db", "postgresql://me:[REDACTED]@host:5432/db"),
        ("client_secret=hunter22&scope=all", "client_secret=[REDACTED]&scope=all"),
        ('{"password": "hunter22"}', '{"password": "[REDACTED]"}'),
        ("token=*** auth_type=pat", "token=[REDACTED] auth_type=pat"),
    ],
)
def test_what_stands_where_a_secret_stands_goes(text: str, clean: str) -> None:
    assert redact(text, {}) == clean


@pytest.mark.parametrize(
    "text",
    [
        "https://adb-1.azuredatabricks.net:443/api/2.1/jobs/run-now",
        "Path (/Workspace/Users/a@b.c/etl) doesn't exist.",
        "Invalid token: the key column must not be null",
        "run 123456789012345 of task_key load",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert redact(text, {}) == text


def test_values_of_the_environment_that_are_named_as_secrets_go_whatever_their_form() -> None:
    environ = {"PGPASSWORD": "plain words", "DATABRICKS_CLIENT_SECRET": "s3cr3t-value", "HOME": "/root/home"}
    assert redact("plain words and s3cr3t-value in /root/home", environ) == (
        "[REDACTED] and [REDACTED] in /root/home"
    )
