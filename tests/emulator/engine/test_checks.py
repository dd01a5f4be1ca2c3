"""What users write in notebooks, statement by statement: what works must go on working.

What is known to fail says so. A check that newly passes or fails, or fails in other words, fails its test.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dara_dagster.emulator.engine.session import LocalSpark
from tests.emulator.engine.checks import ddl, dml, frames, readwrite, session, streams
from tests.emulator.engine.checks.check import Check, Environment, Outcome, perform
from tests.emulator.engine.checks.known import KNOWN_FAILURES

AREAS = {
    "ddl": ddl.CHECKS,
    "dml": dml.CHECKS,
    "readwrite": readwrite.CHECKS,
    "frames": frames.CHECKS,
    "session": session.CHECKS,
    "streams": streams.CHECKS,
}
ALL = [(area, check) for area, checks in AREAS.items() for check in checks]
CSV = 'id;name;amt;ts\n1;x;1.5;2024-01-02 03:04:05\n2;"y;z";2.5;2024-02-02 03:04:05\n'
JSON = (
    '{"id":1,"tags":["a","b"],"addr":{"city":"X","zip":1},"s":"{\\"k\\":1}"}\n'
    '{"id":2,"tags":[],"addr":{"city":"Y","zip":2},"s":"{\\"k\\":2}"}\n'
)


@pytest.fixture(scope="module")
def outcomes(spark: LocalSpark, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Runs all checks once, in order: they build on each other."""
    data: Path = tmp_path_factory.mktemp("data")
    for folder in ("in", "json"):
        (data / folder).mkdir()
    (data / "in/a.csv").write_text(CSV)
    (data / "json/a.json").write_text(JSON)
    (data / "multi.json").write_text('[{"id":1},\n {"id":2}]')
    people = spark.createDataFrame(
        [(1, "x", 10.0), (2, "y", 20.0), (3, "x", 30.0), (4, None, None)], "id int, g string, v double"
    )
    environment = Environment(spark, str(spark.store.root), str(data), people)
    return {f"{area}: {check.name}": perform(check, environment) for area, check in ALL}


def test_no_two_checks_have_one_name() -> None:
    names = [f"{area}: {check.name}" for area, check in ALL]
    assert len(names) == len(set(names))
    assert set(names) >= set(KNOWN_FAILURES)


@pytest.mark.parametrize(("area", "check"), ALL, ids=[f"{area}: {check.name}" for area, check in ALL])
def test_check(area: str, check: Check, outcomes: dict[str, Outcome]) -> None:
    name = f"{area}: {check.name}"
    outcome = outcomes[name]
    if name not in KNOWN_FAILURES:
        assert outcome.right, outcome.error or outcome.answer
    else:
        assert outcome.error is not None, f"works now, take it out of the known failures: {outcome.answer}"
        assert re.search(KNOWN_FAILURES[name], outcome.error), outcome.error
