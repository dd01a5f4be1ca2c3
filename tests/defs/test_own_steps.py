"""Steps of a user's own that leave odd things, end in odd ways, or cannot be loaded: one sentence each."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster import Definitions, JobExecutionResult

from dara_dagster import Step, StepContext, step_pipeline
from dara_dagster.defs.definitions import build_definitions
from tests.defs.conftest import Project
from tests.defs.test_steps import contexts

OWN = "tests.defs.own_steps"


def pipeline(project: Project, *steps: dict[str, Any], **parameters: str) -> JobExecutionResult:
    """Run a pipeline of steps from a file of its own (what is read from one is kept by the process)."""
    name = f"pipeline{len(list((project.root / 'config').glob('workflows/*')))}"
    project.write(f"workflows/{name}.json", {"steps": list(steps), "parameters": parameters})
    return project.run(name)


def failure(result: JobExecutionResult) -> str:
    """What the user reads of the step that failed."""
    (event,) = result.get_step_failure_events()
    reported = event.step_failure_data.user_failure_data
    assert reported is not None, event.step_failure_data.error
    return str(reported.description)


@pytest.mark.parametrize("what", ["bytes", "circle", "nan", "huge", "rows"])
def test_whatever_a_step_leaves_continues_and_is_shown_in_few_words(project: Project, what: str) -> None:
    first = {"name": "first", "uses": f"{OWN}:Leave", "settings": {"what": what}}
    last = {"name": "last", "uses": f"{OWN}:FailUnless", "settings": {"marker": "/"}}
    result = pipeline(project, first, last)
    assert result.success
    shown = contexts(result)["last"]
    assert shown["done"] == ["first", "last"]
    assert len(json.dumps(shown, allow_nan=False)) <= 100_000
    kept = [file.stat().st_size for file in Path(project.instance.root_directory).rglob("*.db")]
    assert sum(kept) < 3_000_000


@pytest.mark.parametrize("what", ["lock", "function"])
def test_what_cannot_be_handed_on_is_named_without_the_parameters(project: Project, what: str) -> None:
    first = {"name": "first", "uses": f"{OWN}:FailUnless", "settings": {"marker": "/"}}
    step = {"name": "odd", "uses": f"{OWN}:Leave", "settings": {"what": what}}
    result = pipeline(project, first, step, password="hidden from the log")
    text = failure(result)
    assert text.startswith(f"Step 'odd' failed: it left thing ({'lock' if what == 'lock' else 'function'}), ")
    assert text.endswith("Done before: first.")
    for file in Path(project.instance.root_directory).rglob("*.db"):
        with sqlite3.connect(file) as database:
            assert not any("hidden from the log" in line for line in database.iterdump())


@pytest.mark.parametrize(
    ("uses", "settings", "reported"),
    [
        (f"{OWN}:Exit", {}, "it called sys.exit(3)"),
        (f"{OWN}:Forget", {}, "execute returned NoneType; it must return the StepContext"),
        (f"{OWN}:Nothing", {}, f"{OWN}:Nothing cannot be loaded: module '{OWN}' has no attribute 'Nothing'"),
        (f"{OWN}:Path", {}, f"{OWN}:Path is no subclass of dara_dagster.Step"),
        ("no_such_module:Step", {}, "no_such_module:Step cannot be loaded: No module named 'no_such_module'"),
        ("broken:Step", {}, "KeyError: 'TOKEN'"),
        ("unwritten:Step", {}, "SyntaxError: '(' was never closed (unwritten.py, line 1)"),
        ("leaving:Step", {}, "it called sys.exit('no')"),
        ("upload_file", {"to": "${context.place}"}, "inbox is no file in a volume: write /Volumes/"),
    ],
)
def test_a_step_that_ends_oddly_or_cannot_be_loaded_fails_with_a_sentence(
    project: Project, uses: str, settings: dict[str, Any], reported: str
) -> None:
    project.root.mkdir(exist_ok=True)
    (project.root / "broken.py").write_text("raise KeyError('TOKEN')\n")
    (project.root / "unwritten.py").write_text("(\n")
    (project.root / "leaving.py").write_text("raise SystemExit('no')\n")
    step = {"name": "odd", "uses": uses, "settings": settings}
    text = failure(pipeline(project, step, place="inbox", file="/etc/hostname"))
    assert text.startswith(f"Step 'odd' failed: {reported}")
    assert text.endswith("Done before: nothing.")
    assert ".." not in text


def test_a_run_that_fails_tells_what_had_been_done_before_it(project: Project) -> None:
    project.simulate("*", result="FAILED", error="no such table")
    notebook = {"file_name": "load", "format": "py"}
    (project.root / "notebooks").mkdir(parents=True)
    (project.root / "notebooks" / "load.py").write_text("# Databricks notebook source\n")
    project.write("project.json", {"name": "trial", "notebooks": "../notebooks"})
    first = {"name": "first", "uses": f"{OWN}:FailUnless", "settings": {"marker": "/"}}
    result = pipeline(project, first, {"name": "load", "uses": "run_task", "settings": notebook})
    assert "no such table" in failure(result)
    assert failure(result).endswith("\nDone before: first.")


CONTEXT = """
from dara_dagster import Step, StepContext

class Orders(StepContext):
    customer: str = ""

class Make(Step):
    def execute(self, context):
        return Orders(customer="ACME", parameters=context.parameters)
"""


def test_a_context_of_a_users_own_class_is_read_by_another_process(project: Project) -> None:
    project.root.mkdir(exist_ok=True)
    (project.root / "orders_steps.py").write_text(CONTEXT)
    wait = {"table": "main.default.none", "timeout_seconds": 1, "poll_seconds": 0.1}
    make = {"name": "make", "uses": "orders_steps:Make"}
    failed = pipeline(project, make, {"name": "wait", "uses": "wait_for_table", "settings": wait})
    assert "main.default.none is not there after 1 s" in failure(failed)
    arguments = [project.instance.root_directory, project.config, "pipeline0", "dara", failed.run_id]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-m", "tests.defs.run_job", *arguments], env=environ, check=True)
    (resumed,) = project.instance.get_runs(limit=1)
    assert resumed.parent_run_id == failed.run_id
    events = project.instance.all_logs(resumed.run_id)
    (error,) = [
        e.dagster_event.step_failure_data
        for e in events
        if e.dagster_event and e.dagster_event.is_step_failure
    ]
    assert "main.default.none is not there after 1 s" in error.error_display_string


def test_a_file_names_the_class_of_its_context(project: Project) -> None:
    project.root.mkdir(exist_ok=True)
    (project.root / "typed_context.py").write_text(
        "from dara_dagster import StepContext\n\nclass Typed(StepContext):\n    limit: int\n"
    )
    step = {"name": "same", "uses": f"{OWN}:FailUnless", "settings": {"marker": "/"}}
    named = {"steps": [step], "context": "typed_context:Typed", "parameters": {"limit": "7"}}
    project.write("workflows/typed.json", named)
    result = project.run("typed")
    assert result.success
    assert contexts(result)["same"]["limit"] == 7
    project.write("workflows/untyped.json", {**named, "parameters": {"limit": "many"}})
    assert failure(project.run("untyped")).startswith(
        "The run's parameters make no Typed: limit: Input should"
    )


@pytest.mark.parametrize(
    ("context", "reported"),
    [
        ("no_such_module:Orders", "The context no_such_module:Orders cannot be loaded: No module named"),
        (f"{OWN}:Orders", f"The context {OWN}:Orders cannot be loaded: module '{OWN}' has no attribute"),
        (f"{OWN}:Leave", f"The context {OWN}:Leave is no subclass of dara_dagster.StepContext."),
        ("broken_context:Orders", "The context broken_context:Orders cannot be loaded: KeyError: 'TOKEN'."),
    ],
)
def test_a_context_that_cannot_be_had_fails_the_first_step(
    project: Project, context: str, reported: str
) -> None:
    project.root.mkdir(exist_ok=True)
    (project.root / "broken_context.py").write_text("raise KeyError('TOKEN')\n")
    step = {"name": "same", "uses": f"{OWN}:FailUnless", "settings": {"marker": "/"}}
    name = f"wrong{abs(hash(context))}"
    project.write(f"workflows/{name}.json", {"steps": [step], "context": context})
    assert failure(project.run(name)).startswith(reported)


class Count(Step):
    """Leaves a number, under a name nobody gave it."""

    def execute(self, context: StepContext) -> StepContext:
        return context.leave(self.name, rows=len(context.done))


class Typed(StepContext):
    """A context with fields that the run's parameters fill."""

    customer: str
    limit: int = 5


def test_steps_without_a_name_or_with_the_same_keep_their_values_apart(project: Project) -> None:
    job = step_pipeline("my orders", [Count(), Count()], context=Typed)
    project.workflow({"name": "a"})
    definitions = Definitions.merge(build_definitions(project.config), Definitions(jobs=[job]))
    job = definitions.resolve_job_def("my_orders")
    config = {"resources": {"parameters": {"config": {"values": {"customer": "ACME", "limit": "7"}}}}}
    result = job.execute_in_process(instance=project.instance, run_config=config)
    context = result.output_for_node("Count_2", "step_context")
    assert (context.customer, context.limit, context.done) == ("ACME", 7, ("Count", "Count_2"))
    assert context.values == {"rows": 1, "Count.rows": 0, "Count_2.rows": 1}
    wrong = {"resources": {"parameters": {"config": {"values": {"limit": "many"}}}}}
    failed = job.execute_in_process(instance=project.instance, run_config=wrong, raise_on_error=False)
    (event,) = failed.filter_events(lambda each: each.is_step_failure)
    reported = event.step_failure_data.user_failure_data
    assert reported is not None
    assert str(reported.description).startswith(
        "The run's parameters make no Typed: customer: Field required; limit: "
    )
