"""A key of an entry is declared once, in the model: schema, plan and unused keys follow from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from dara_dagster.config import check, load, make_plan
from dara_dagster.config.models import Entry, OnlyFor
from dara_dagster.config.spec import Spec, Task
from dara_dagster.config.validation import read_model
from tests.config.conftest import Project, entry


class Owned(Entry):
    """An entry with one more key."""

    keepers: Annotated[tuple[str, ...], OnlyFor(frozenset({"sql", "notebook_task"}))] = Field(
        default=(), description="Who answers for it."
    )


def reread(project: Project, item: dict[str, Any]) -> Spec:
    """The project with its one task read by the larger model."""
    spec = load(project.write("dependency.json", [item]).config, {})
    (workflow,) = spec.workflows
    owned, problems = read_model(Owned, workflow.document.value[0], workflow.document, (0,))
    assert owned is not None and problems == []
    task = Task(owned, workflow.document, (0,))
    return replace(spec, workflows=(replace(workflow, tasks=(task,)),), problems=())


def test_the_plan_holds_the_entry_as_it_was_read(project: Project) -> None:
    spec = reread(project.files("a.py"), entry(keepers=["ana"]))
    plan = make_plan(spec).workflows[0].tasks[0]
    assert plan.entry is spec.workflows[0].tasks[0].entry
    assert isinstance(plan.entry, Owned) and plan.entry.keepers == ("ana",)


def test_a_key_without_effect_is_found_by_what_the_model_says(project: Project) -> None:
    wheel = {"python_wheel_task": {"package_name": "p", "entry_point": "e"}}
    spec = reread(project, {"name": "r", "task": wheel, "keepers": ["ana"]})
    assert [(p.key, p.message) for p in check(spec)] == [
        ("[0].keepers", "keepers have no effect on a python_wheel_task")
    ]


def test_the_readme_names_every_key() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = [line.split("|")[1] for line in readme.splitlines() if line.startswith("| `")]
    assert [key for key in Entry.model_fields if not any(f"`{key}`" in row for row in rows)] == []


def test_the_schema_describes_the_key() -> None:
    keepers = TypeAdapter(Owned).json_schema()["properties"]["keepers"]
    assert keepers["description"] == "Who answers for it."
    assert keepers["items"] == {"type": "string"}
