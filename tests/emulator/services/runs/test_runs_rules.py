"""Outcomes and conditions by themselves."""

from __future__ import annotations

import pytest

from dara_dagster.emulator.services.runs import outcomes
from dara_dagster.emulator.services.runs.conditions import compare
from dara_dagster.emulator.services.runs.outcomes import TaskOutcome, combine_outcomes


def test_the_first_failure_names_the_run() -> None:
    ends = [
        TaskOutcome("a", outcomes.SUCCESS, False),
        TaskOutcome("b", outcomes.notebook_missing("/x", "u"), False),
        TaskOutcome("c", outcomes.UPSTREAM_FAILED, True),
    ]
    outcome = combine_outcomes(ends)
    assert (outcome.life_cycle, outcome.result, outcome.code) == (
        "INTERNAL_ERROR",
        "FAILED",
        "RESOURCE_NOT_FOUND",
    )
    assert outcome.message.startswith('Task b failed with message: Unable to access the notebook "/x"')
    assert outcome.message.endswith("permissions. This caused all downstream tasks to get skipped.")


@pytest.mark.parametrize(
    "op,left,right,value",
    [
        ("EQUAL_TO", "12.0", "12", False),
        ("NOT_EQUAL", "a", "b", True),
        ("GREATER_THAN", "10", "9", True),
        ("LESS_THAN_OR_EQUAL", "9", "9.0", True),
        ("LESS_THAN", "9", "9", False),
        ("GREATER_THAN_OR_EQUAL", "8", "9", False),
    ],
)
def test_conditions(op: str, left: str, right: str, value: bool) -> None:
    assert compare({"op": op, "left": left, "right": right}) is value


def test_an_order_of_words_has_no_value() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        compare({"op": "LESS_THAN", "left": "a", "right": "b"})
