"""The package and those it shares an environment with agree on the versions of what they need."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
# What uv writes when the index cannot be reached, as opposed to versions that do not go together.
_AWAY = re.compile(r"Failed to fetch|Request failed|error sending request|Connection refused|timed out", re.I)


@pytest.mark.parametrize(
    "neighbours", [("dagster-dbt>=0.29", "dbt-databricks>=1.12"), ("dagster-databricks>=0.29",)]
)
def test_the_newest_neighbours_can_be_installed_beside_it(
    tmp_path: Path, neighbours: tuple[str, ...]
) -> None:
    """The floors stand for the newest releases, of which uv would take older ones rather than fail."""
    wanted = tmp_path / "wanted.in"
    wanted.write_text("\n".join(neighbours))
    extras = [option for extra in ("emulator", "serve") for option in ("--extra", extra)]
    command = [
        "uv",
        "pip",
        "compile",
        "-q",
        "--python-version",
        "3.11",
        str(wanted),
        "pyproject.toml",
        *extras,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3 * PATIENCE)
    if done.returncode and _AWAY.search(done.stderr):
        pytest.fail(
            f"the package index cannot be reached, so this says nothing: {done.stderr}", pytrace=False
        )
    assert done.returncode == 0, done.stderr
    chosen = set(re.findall(r"(?m)^([\w-]+)==", done.stdout))
    assert {"dagster", "databricks-sdk", *(re.split(">=", each)[0] for each in neighbours)} <= chosen
