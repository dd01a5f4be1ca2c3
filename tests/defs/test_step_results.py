"""What steps leave: shown in the status of their run, without secrets, and never too large."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import Field, SecretStr

from dara_dagster.defs.steps.context import StepContext
from dara_dagster.defs.steps.metadata import left_metadata
from dara_dagster.defs.steps.pipeline import Step
from dara_dagster.history.status import read_status
from tests.defs.conftest import Project

OWN = "tests.defs.test_step_results"


class Orders(StepContext):
    """A context with fields of its own, two of which are nobody's business."""

    customer: str = "unknown"
    login: SecretStr | None = None
    hidden: str = Field("", exclude=True)


class Fill(Step):
    """Leaves values, sets fields, and has secrets."""

    def execute(self, context: StepContext) -> StepContext:
        given = context.model_dump()
        orders = Orders(**{**given, "customer": "ACME", "login": "hunter2", "hidden": "hunter2"})
        named = {"api_key": "hunter2", "next token": "hunter2", "token_count": 7, "secret_scope": "etl"}
        return orders.leave(self.name, rows=[[1, "a"]], share=0.5, password="hunter2", **named)


class Fail(Step):
    """Fails."""

    def execute(self, context: StepContext) -> StepContext:
        raise ValueError("no")


def test_the_status_carries_what_each_step_left_without_secrets(project: Project) -> None:
    steps = [
        {"name": "fill", "uses": f"{OWN}:Fill"},
        {"name": "same", "uses": "tests.defs.own_steps:FailUnless", "settings": {"marker": "/"}},
        {"name": "fail", "uses": f"{OWN}:Fail"},
    ]
    project.write("workflows/orders.json", {"steps": steps, "parameters": {"file": "/tmp/x.csv"}})
    run_id = project.run("orders").run_id

    status = read_status(project.instance, run_id).as_json()

    left = {
        "customer": "ACME",
        "rows": [[1, "a"]],
        "share": 0.5,
        "token_count": 7,
        "secret_scope": "etl",
    }
    assert status["result"] == left
    assert [task["result"] for task in status["tasks"]] == [left, {}, {}]
    assert "hunter2" not in json.dumps(status)
    logged = project.instance.all_logs(run_id)
    assert not any("hunter2" in event.to_json() for event in logged)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, True),
        (3, 3),
        (float("nan"), "nan"),
        ("x", "x"),
        ({"a": [1]}, {"a": [1]}),
        (b"\xff", r"b'\xff'"),
    ],
)
def test_a_value_is_shown_as_what_it_is(value: Any, shown: Any) -> None:
    after = StepContext().leave("one", thing=value).model_copy(update={"done": ("one",)})

    assert left_metadata(after, "one", {})["thing"].value == shown


def test_what_a_step_leaves_is_cut_to_what_the_event_log_can_keep() -> None:
    many = {f"v{number}": "x" * 5_000 for number in range(300)}
    after = StepContext().leave("one", **many).model_copy(update={"done": ("one",)})

    found = {name: value.value for name, value in left_metadata(after, "one", {}).items()}

    assert len(json.dumps(found)) <= 100_000
    assert "more" in found["..."]
