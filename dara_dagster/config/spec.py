"""What the files say, read and typed, each part with its place: the input of the checks and of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dara_dagster.config.json_source import Document, KeyPath
from dara_dagster.config.kinds import ComputeKind
from dara_dagster.config.models import Entry, Executor, Project, WorkflowOptions
from dara_dagster.config.task_files import Sources
from dara_dagster.errors import Problem

# The executor of all names that are not declared.
ANY_EXECUTOR = "*"
# Places (file and key) of texts that could not be filled in -> the problem there; None: reported elsewhere.
Unfilled = dict[tuple[Path, str], Problem | None]
Shape = Literal["tasks", "definition", "steps"]


@dataclass(frozen=True)
class Executors:
    """What each executor's name stands for; None where what is declared could not be read.

    `file` is where they are declared; `pairs` tells that it is a list of ParameterKey and ParameterValue.
    """

    declared: Mapping[str, Executor | None]
    file: Path
    pairs: bool = False

    def __contains__(self, name: str) -> bool:
        return name in self.declared or ANY_EXECUTOR in self.declared

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.declared if name != ANY_EXECUTOR)

    def get(self, name: str) -> Executor | None:
        """Return what the name stands for: its own, else that of all other names."""
        return self.declared[name] if name in self.declared else self.declared.get(ANY_EXECUTOR)


@dataclass(frozen=True, order=True)
class Note:
    """What is to be known of a key, though it is no error. `line` is its first place in the file."""

    key: str
    text: str
    file: Path
    line: int
    count: int


class Items(NamedTuple):
    """The list of a workflow's items: where it stands, and the items with their indexes."""

    document: Document
    path: KeyPath
    found: tuple[tuple[int, Any], ...]


@dataclass(frozen=True)
class Compute:
    """One named cluster or warehouse; `settings` are ready for its create call."""

    kind: ComputeKind
    name: str
    settings: Mapping[str, Any]
    document: Document

    def problem(self, message: str, hint: str) -> Problem:
        """Return a problem of this name."""
        return self.document.problem((self.name,), message, hint, on_key=True)


@dataclass(frozen=True)
class Task:
    """One task and its place. A STEP is a task too: `written` gives the keys it was written with.

    `target` is what a STEP of TYPE workflow starts. `inputs_from` maps a parameter to the task whose
    exit value it takes. `tolerates` are the tasks before whose failure does not stop this one. What
    `by_executor` runs on is set by an executor in parameters.json, which is a task without a file there.
    """

    entry: Entry
    document: Document
    path: KeyPath
    written: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    inputs_from: Mapping[str, str] = field(default_factory=dict)
    tolerates: tuple[str, ...] = ()
    by_executor: bool = False

    @property
    def name(self) -> str:
        """Return the name other tasks call it by."""
        return self.entry.task_name

    def problem(self, key: str, message: str, hint: str, *more: str | int) -> Problem:
        """Return a problem of one key of this task (of the task itself when the key was not written)."""
        return self.document.problem((*self.path, self.written.get(key, key), *more), message, hint)

    def says(self, key: str) -> bool:
        """Return whether the file says something under the key, right or wrong."""
        node = self.document.value
        for part in self.path:
            node = node[part]
        return node.get(self.written.get(key, key)) is not None


@dataclass(frozen=True)
class Step:
    """One step of a step pipeline; `entry` is the task that a `run_task` step runs."""

    name: str
    uses: str
    settings: Mapping[str, Any]
    document: Document
    path: KeyPath
    task: Task | None = None


@dataclass(frozen=True)
class Workflow:
    """One workflow. `unread` are names of tasks that are there but could not be read."""

    name: str
    document: Document
    options: WorkflowOptions
    shape: Shape
    tasks: tuple[Task, ...] = ()
    steps: tuple[Step, ...] = ()
    unread: frozenset[str] = frozenset()
    notes: tuple[Note, ...] = ()

    def problem(self, key: str, message: str, hint: str) -> Problem:
        """Return a problem of one of the workflow's own keys."""
        return self.document.problem((key,), message, hint)

    def all_tasks(self) -> tuple[Task, ...]:
        """Return its tasks, those of `run_task` steps included."""
        return self.tasks + tuple(step.task for step in self.steps if step.task)


@dataclass(frozen=True, eq=False)
class Spec:
    """Everything the files say; `problems` is what was found wrong while reading them.

    `from_environment` maps each text that came from the environment to how it is written, `${env.NAME}`.
    `unfilled` are the places whose `${name}` has no value: no other check is possible there.
    """

    name: str
    root: Path
    config_dir: Path
    workspace: Literal["emulator", "databricks"]
    project: Project
    project_document: Document
    sources: Sources
    computes: tuple[Compute, ...]
    executors: tuple[Task, ...]
    workflows: tuple[Workflow, ...]
    problems: tuple[Problem, ...]
    unfilled: Unfilled = field(default_factory=dict)
    from_environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def notes(self) -> list[Note]:
        """Return what is written and has no meaning here; one for each key, all files taken together."""
        found: dict[tuple[str, str], Note] = {}
        for note in (note for workflow in self.workflows for note in workflow.notes):
            first = found.get((note.key, note.text))
            both = replace(first, count=first.count + note.count) if first else note
            found[note.key, note.text] = both
        return sorted(found.values())

    def compute(self, kind: ComputeKind, name: str) -> Compute | None:
        """Return the cluster or warehouse of that name."""
        return self._computes.get((kind, name))

    def qualified(self, table: str) -> str:
        """Return the table's name with the project's catalog and schema in front, as far as it lacks them."""
        parts = table.split(".")
        defaults = [self.project.catalog or "", self.project.schema_ or ""]
        return ".".join([*defaults[: 3 - len(parts)], *parts])

    @cached_property
    def _computes(self) -> Mapping[tuple[str, str], Compute]:
        return {(compute.kind, compute.name): compute for compute in self.computes}
