"""A Dagster instance in a home of its own, set up as `dara` does it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from dara_dagster.executor.home import write_dagster_yaml


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_dagster_yaml(home)
    return home


@pytest.fixture(scope="module")
def instance(home: Path) -> Iterator[DagsterInstance]:
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("DAGSTER_HOME", str(home))
        with DagsterInstance.from_config(str(home)) as instance:
            yield instance
