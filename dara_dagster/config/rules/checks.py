"""The rules that hold between the parts of the files; yields every problem, not the first."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from dara_dagster.config.kinds import TAKES_PARAMETERS, kinds_of
from dara_dagster.config.rules.dependencies import cycles
from dara_dagster.config.rules.payload import kind_of_task
from dara_dagster.config.rules.tasks import TaskChecks
from dara_dagster.config.spec import Spec, Task, Workflow
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.errors import Problem

_SHOWN_OF_CYCLE = 100
# A spec never changes: `make_plan` after `check` need not check 10,000 tasks again.
_FOUND: WeakKeyDictionary[Spec, list[Problem]] = WeakKeyDictionary()


def check(spec: Spec) -> list[Problem]:
    """Return every problem of the files, those met while reading included, sorted by file and line."""
    if spec not in _FOUND:
        _FOUND[spec] = _check(spec)
    return list(_FOUND[spec])


def _check(spec: Spec) -> list[Problem]:
    problems = [*spec.problems, *_same_compute_names(spec), *_workflow_names(spec), *_notebooks_folder(spec)]
    tasks = TaskChecks(spec)
    for executor in spec.executors:
        problems += tasks.check_settings(executor)
    for workflow in spec.workflows:
        problems += _options(workflow)
        problems += _task_names(workflow)
        problems += _dependencies(workflow)
        problems += _cycles(workflow)
        problems += _inputs(spec, workflow)
        for task in workflow.all_tasks():
            problems += tasks.check(task)
        for step in workflow.steps:
            problems += tasks.check_step(step)
    problems += [*_nested(spec), *_workflow_cycles(spec), *_remote_files(spec), *_writers(spec)]
    unfilled = spec.unfilled
    return sorted(
        {problem for problem in problems if unfilled.get((problem.file, problem.key), problem) == problem}
    )


def _same_compute_names(spec: Spec) -> Iterator[Problem]:
    for compute in spec.computes:
        if compute.kind == "warehouse" and spec.compute("cluster", compute.name):
            message = f"'{compute.name}' is the name of a cluster too"
            yield compute.problem(message, "Rename one of the two: compute_name must tell them apart.")


def _workflow_names(spec: Spec) -> Iterator[Problem]:
    """Check the job names: `<name>` of each workflow, and `<name>_sequential` where it asks, must all
    differ."""
    taken: dict[str, str] = {}
    for workflow in spec.workflows:
        name, file = workflow.name, str(workflow.document.file)
        sequential = f"{name}_sequential" if workflow.options.sequential_job else None
        message = None
        if name in taken:
            message = f"the name '{name}' is taken by {taken[name]}"
        elif sequential is not None and sequential in taken:
            message = f"'{name}' needs the job '{sequential}', which is taken by {taken[sequential]}"
        if message:
            yield workflow.problem("name", message, 'Give this workflow another "name".')
        taken.setdefault(name, file)
        if sequential is not None:
            taken.setdefault(sequential, file)


def _notebooks_folder(spec: Spec) -> Iterator[Problem]:
    if spec.sources.exist:
        return
    if any(
        task.entry.task is None and task.target is None
        for work in spec.workflows
        for task in work.all_tasks()
    ):
        message = f"the notebooks folder {spec.sources.folder} does not exist"
        hint = 'Make it, or name another with "notebooks" (relative to project.json).'
        yield spec.project_document.problem(("notebooks",), message, hint)


def _options(workflow: Workflow) -> Iterator[Problem]:
    options = workflow.options
    if "timezone" in options.model_fields_set and options.schedule is None:
        yield workflow.problem("timezone", "timezone without schedule", "Add a schedule or remove timezone.")
    if options.running and options.schedule is None and options.sensor is None:
        yield workflow.problem(
            "running", "running without schedule or sensor", "Add one of the two or remove running."
        )
    for key in ("max_concurrent", "fail_fast", "sequential_job") if workflow.shape == "steps" else ():
        if getattr(options, key):
            message = f"{key} has no effect on a step pipeline, whose steps run in sequence"
            yield workflow.problem(key, message, "Remove it.")
    for key in ("schedule", "sensor") if options.run_as == "caller" else ():
        if getattr(options, key):
            message = f"{key} in a workflow that runs as its caller: there is none"
            yield workflow.problem(key, message, f'Remove {key}, or "run_as".')
    if "" in options.retry_on:
        yield workflow.document.problem(
            ("retry_on", ""),
            "an empty code fits no end of a run",
            "Write a termination code, or *.",
            on_key=True,
        )


def _task_names(workflow: Workflow) -> Iterator[Problem]:
    first: dict[str, Task] = {}
    for task in workflow.tasks:
        if task.name in first:
            line = task.document.line(first[task.name].path)
            key = "name" if task.entry.name else "file_name"
            hint = 'Remove one of the two, or give this one another "name".'
            yield task.problem(key, f"a second task named '{task.name}', the first is on line {line}", hint)
        first.setdefault(task.name, task)


def _dependencies(workflow: Workflow) -> Iterator[Problem]:
    known = {task.name for task in workflow.tasks}
    names = Suggestions(task.name for task in workflow.tasks)
    for task in workflow.tasks:
        seen: set[str] = set()
        for index, other in enumerate(task.entry.dependent_on):
            if other == task.name:
                message, hint = f"'{other}' depends on itself", "Remove it from its own list."
                yield task.problem("dependent_on", message, hint, index)
            elif other not in known and other not in workflow.unread:
                message = f"there is no task '{other}' in the workflow '{workflow.name}'"
                yield task.problem("dependent_on", message, names.hint(other, "tasks"), index)
            elif other in seen:
                yield task.problem(
                    "dependent_on", f"'{other}' stands here twice", "Remove one of the two.", index
                )
            seen.add(other)


def _nested(spec: Spec) -> Iterator[Problem]:
    """Check the workflows that steps run: they are of tasks, and have no one parameter for an exit value."""
    workflows = {other.name: other for other in spec.workflows}
    for task in (task for workflow in spec.workflows for task in workflow.tasks):
        if (nested := workflows.get(task.target or "")) is None:
            continue
        if nested.steps:
            message = f"'{nested.name}' is a step pipeline, which cannot be a step of another workflow"
            yield task.problem("target", message, "Name a workflow of tasks, or give its steps here.")
        if task.inputs_from:
            message = f"'{nested.name}' is a workflow of the project, which takes no exit value"
            yield task.problem("inputs_from", message, "Leave it empty, or name a saved job.")


def _inputs(spec: Spec, workflow: Workflow) -> Iterator[Problem]:
    """Check who passes on exit values: only a notebook has one, and only what takes parameters can receive
    it."""
    tasks = {task.name: task for task in workflow.tasks if task.inputs_from}
    sources = {task.name: task for task in workflow.tasks} if tasks else {}
    for task in tasks.values():
        if task.entry.task is not None and (kind := kind_of_task(task.entry.task)) not in TAKES_PARAMETERS:
            message = f"a {kind} takes no parameters, so no exit value"
            yield task.problem("inputs_from", message, "Leave it empty.")
        for source in task.inputs_from.values():
            if (kind := _kind_without_value(spec, sources[source])) is not None:
                message = f"'{source}' is {kind}, which has no exit value"
                yield task.problem("inputs_from", message, "Read from a notebook, or leave it empty.")


def _kind_without_value(spec: Spec, task: Task) -> str | None:
    name, ending = task.entry.file_name or "", task.entry.format or ""
    if task.target is not None:
        return "a workflow"
    if task.entry.task is not None:
        kind = kind_of_task(task.entry.task)
        return None if kind in (None, "notebook_task") else f"a {kind}"
    kinds = {kind.name: kind for kind in kinds_of(ending)}
    if len(kinds) > 1 and spec.sources.file(name, ending):
        kinds = {(kind := spec.sources.read(name, ending).kind): kinds[kind]}
    return next((kind.label for kind in kinds.values() if len(kinds) == 1 and not kind.has_exit_value), None)


def _cycles(workflow: Workflow) -> Iterator[Problem]:
    tasks = {task.name: task for task in reversed(workflow.tasks)}
    declared = {task.name: tasks[task.name] for task in workflow.tasks}
    upstream = {
        name: [other for other in task.entry.dependent_on if other != name] for name, task in declared.items()
    }
    for cycle in cycles(upstream):
        message = f"these tasks wait for each other in a cycle: {cycle_text(cycle)}"
        yield declared[cycle[0]].problem("dependent_on", message, "Remove one of these dependencies.")


def _workflow_cycles(spec: Spec) -> Iterator[Problem]:
    """Check for a workflow that starts itself, over any number of others: it would never end."""
    workflows = {workflow.name: workflow for workflow in spec.workflows}
    starts = {
        name: {task.target: task for task in workflow.tasks if task.target in workflows}
        for name, workflow in workflows.items()
    }
    for cycle in cycles({name: [str(target) for target in targets] for name, targets in starts.items()}):
        task = starts[cycle[0]][[*cycle, cycle[0]][1]]
        message = f"these workflows start each other in a cycle: {cycle_text(cycle)}"
        yield task.problem("target", message, "Remove one of these steps.")


def cycle_text(cycle: list[str]) -> str:
    """Return the cycle as `a -> b -> c -> a`."""
    if len(cycle) > _SHOWN_OF_CYCLE:
        left = len(cycle) - _SHOWN_OF_CYCLE
        cycle = [*cycle[:_SHOWN_OF_CYCLE], f"({left} more)"]
    return " -> ".join([*cycle, cycle[0]])


def _writers(spec: Spec) -> Iterator[Problem]:
    """Check for a table that several tasks write, unless all append to it: only one of them would be shown.

    The same file may write it in several workflows.
    """
    first: dict[str, tuple[Workflow, Task]] = {}
    for workflow, task in ((each, task) for each in spec.workflows for task in each.tasks):
        for key in ("mode", "owners", "group"):
            if getattr(task.entry, key) and not task.entry.outputs:
                yield task.problem(key, f"{key} without outputs", f"Add outputs, or remove {key}.")
        for index, table in enumerate(task.entry.outputs):
            before, other = first.setdefault(spec.qualified(table).lower(), (workflow, task))
            is_same = other is task or (before is not workflow and _work(other) == _work(task))
            if is_same or task.entry.mode == other.entry.mode == "append":
                continue
            line = other.document.line(other.path)
            message = (
                f"'{table}' is written by the task '{other.name}' too ({other.document.file.name}:{line})"
            )
            hint = 'Remove it from one of the two, or say "mode": "append" in both.'
            yield task.problem("outputs", message, hint, index)


def _work(task: Task) -> tuple[object, ...]:
    return (task.entry.file_name, task.entry.format) if task.entry.file_name else (task.entry.task,)


def _remote_files(spec: Spec) -> Iterator[Problem]:
    """Check for two files at one place: `x.py` as a notebook and `x.ipynb` are both notebook `x` in the
    workspace."""
    taken: dict[str, str] = {}
    for task in _files(spec):
        name, ending = task.entry.file_name or "", task.entry.format or ""
        source = spec.sources.read(name, ending)
        remote = name if source.kind == "notebook" else f"{name}.{ending}"
        if taken.setdefault(remote, ending) != ending:
            message = f"{name}.{ending} and {name}.{taken[remote]} are the same notebook in the workspace"
            yield task.problem("file_name", message, "Rename one of the two files.")


def _files(spec: Spec) -> Iterator[Task]:
    for workflow in spec.workflows:
        for task in workflow.all_tasks():
            name, ending = task.entry.file_name, task.entry.format
            is_file = task.entry.task is None and task.target is None
            if is_file and name and ending and spec.sources.file(name, ending):
                yield task
