"""Names the environment variables this project reads, and reads the `.env` file of a project into them."""

from __future__ import annotations

import io
import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from dara_dagster.errors import DaraError

__all__ = ["VARIABLES", "Variable", "example_file", "project_folder", "read_env_file"]

_FILE = ".env"


@dataclass(frozen=True)
class Variable:
    """One variable: what it is for, and a value as an example where that says more."""

    name: str
    meaning: str
    example: str = ""


_EMPTY = '""'

VARIABLES = (
    Variable("DARA_WORKSPACE", "emulator or databricks, over project.json", "databricks"),
    Variable("DARA_ENV", "lays config/parameters-<name>.json over parameters.json", "dev"),
    Variable("DARA_API_TOKEN", "token that `dara serve` asks for; openssl rand -hex 32"),
    Variable("DARA_API_USERS", "who may use `dara serve` behind a proxy, with commas", "ana@example.com"),
    Variable("DARA_RESTRICT_FILES", "1, set by `dara serve`: runs read allowed folders only", "1"),
    Variable("DARA_EMULATOR_DATA", "folder of the local workspace instead of .dara"),
    Variable("DARA_EMULATOR_TOKEN", "token of a local workspace that is started by hand"),
    Variable("DAGSTER_HOME", "Dagster's home, an absolute path, instead of .dagster"),
    Variable("DATABRICKS_HOST", "address of the workspace", "https://my.cloud.databricks.com"),
    Variable("DATABRICKS_TOKEN", "personal access token"),
    Variable("DATABRICKS_CLIENT_ID", "service principal, instead of a token"),
    Variable("DATABRICKS_CLIENT_SECRET", "its OAuth secret"),
    Variable("DATABRICKS_CONFIG_PROFILE", "profile of ~/.databrickscfg, instead of all of these", "DEFAULT"),
    Variable("DATABRICKS_CONFIG_FILE", "that file's path"),
    Variable("DATABRICKS_APP_NAME", "set by Databricks Apps"),
    Variable("DATABRICKS_APP_PORT", "set by Databricks Apps: the port to listen on"),
    Variable("LAKEBASE_ENDPOINT", "Lakebase Autoscaling: projects/P/branches/B/endpoints/E"),
    Variable("LAKEBASE_INSTANCE", "Lakebase Provisioned: name of the database instance"),
    Variable("PGHOST", "history in Lakebase: set by Databricks Apps"),
    Variable("PGPORT", "history in Lakebase: set by Databricks Apps", "5432"),
    Variable("PGDATABASE", "history in Lakebase: set by Databricks Apps", "databricks_postgres"),
    Variable("PGUSER", "history in Lakebase: set by Databricks Apps"),
    Variable("PGSSLMODE", "history in Lakebase: set by Databricks Apps", "require"),
    Variable("PGAPPNAME", "history in Lakebase: set by Databricks Apps"),
    Variable("PGPASSWORD", "history in Lakebase: a password of Postgres' own, instead of tokens"),
)


def example_file() -> str:
    """Return the text of `.env.example`: every variable on a line, all commented out."""
    head = [
        "# Copy this to .env and set what you need. `dara` and Dagster read .env in the project's folder.",
        "# Databricks' other variables work too: https://docs.databricks.com/aws/en/dev-tools/auth/env-vars",
    ]
    # python-dotenv before 1.2.4 takes the comment behind an empty value for the value.
    settings = [f"{each.name}={each.example or _EMPTY}" for each in VARIABLES]
    width = max(map(len, settings))
    lines = (f"# {text:<{width}}  # {each.meaning}" for text, each in zip(settings, VARIABLES, strict=True))
    return "\n".join([*head, *lines, ""])


def project_folder(config_dir: Path) -> Path:
    """Return the project's folder: the nearest above the config folder with a workspace.yaml, else the one
    above."""
    folders = config_dir.resolve().parents
    return next((folder for folder in folders if (folder / "workspace.yaml").exists()), folders[0])


def read_env_file(root: Path, environ: MutableMapping[str, str] = os.environ) -> None:
    """Add the variables of `root/.env` to `environ`; those that are there already stay as they are.

    Read as Dagster reads it (python-dotenv). Raises DaraError for a file that cannot be read, and names the
    line that is not of the form NAME=value; what stands there is not repeated.
    """
    file = root / _FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except OSError as error:
        raise DaraError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DaraError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            # The parser's line is where the blank space before the statement begins.
            blank = len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            line = binding.original.line + blank
            raise DaraError(f"{file}:{line}: this is not of the form NAME=value. Put it right or remove it.")
    for name, value in dotenv_values(stream=io.StringIO(text)).items():
        if value is not None:
            environ.setdefault(name, value)
