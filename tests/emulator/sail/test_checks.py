"""What users write in notebooks, statement by statement: each answers what real Spark or Databricks answers,
is refused by name, or differs in a way that is written down.

Each check has a local workspace of its own, so they may run in any order: `--shuffle NUMBER` mixes them, and
`--shuffle reversed` turns them around.
"""

from __future__ import annotations

import pytest

from tests.emulator.sail.checks import ALL
from tests.emulator.sail.checks.check import Check, local_environment, perform


def test_no_two_checks_have_one_name() -> None:
    assert len(ALL) == len({name for name, _ in ALL})


@pytest.mark.parametrize("check", [check for _, check in ALL], ids=[name for name, _ in ALL])
def test_check(check: Check) -> None:
    with local_environment() as environment:
        assert perform(check, environment) == check.here


@pytest.mark.parametrize("expected", [None, lambda answer: True])
def test_a_check_that_compares_nothing_cannot_be_written(expected: object) -> None:
    with pytest.raises(ValueError, match="expects no value"):
        Check("x", lambda e: None, expected, "https://docs.databricks.com/")


def test_a_check_without_a_source_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="neither SPARK nor a public page"):
        Check("x", lambda e: None, 1, "somebody")


def test_a_check_sees_nothing_of_the_one_before() -> None:
    with local_environment() as first:
        first.run("CREATE TABLE t (id INT)")
        first.run("SET spark.sql.shuffle.partitions = 7")
        first.people.createOrReplaceTempView("v")
    with local_environment() as second:
        assert second.spark.sql("SHOW TABLES").collect() == []
        assert second.spark.conf.get("spark.sql.shuffle.partitions") == "200"
