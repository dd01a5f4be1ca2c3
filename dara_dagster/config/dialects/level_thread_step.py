"""Turns a LEVEL / THREAD / STEP definition into tasks.

Levels run in sequence, the threads of a level in parallel, the steps of a thread in sequence.
So the first step of a thread waits for the last steps of all threads of the level before (the nearest
one that has any), and each other step for the one before it, after NEXT has jumped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dara_dagster.config.dialects.level_models import (
    EXECUTOR_KEYS,
    NO_MEANING,
    PROPERTIES,
    WORKFLOW_KEYS,
    FileStep,
    Level,
    LevelStep,
    Thread,
    executor_key,
    is_workflow,
    lacks,
)
from dara_dagster.config.dialects.step_values import (
    FILLED_KEYS,
    PROPERTY,
    VALUES,
    MissingProperty,
    as_text,
    filled,
    first_key,
    references,
)
from dara_dagster.config.json_source import Document, KeyPath, Object
from dara_dagster.config.kinds import TAKES_PARAMETERS
from dara_dagster.config.models import Entry, Executor
from dara_dagster.config.rules.payload import kind_of_task
from dara_dagster.config.spec import Executors, Items, Note, Task
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.config.validation import read_model
from dara_dagster.errors import Problem

# The parameter in which a step gets the exit value of the step that READ_INPUT_FROM names.
INPUT = "input"
# Keys of an entry -> what they are in a STEP, for problems.
_WRITTEN = {
    "file_name": "JOB_NAME",
    "name": "JOB_NAME",
    "parameters": PROPERTIES,
    "inputs_from": "READ_INPUT_FROM",
    "target": "workflow_name",
}


@dataclass(frozen=True)
class _Step:
    """A STEP with its place: `level`, `thread` and `index` in it count from 0; `ids` are as written.

    `executor` is the key that names its executor; None for one that starts a workflow. `properties` are its
    STEP_PROPERTIES as JSON, or what was refused in their place.
    """

    fields: LevelStep
    executor: str | None
    properties: Any
    path: KeyPath
    level: int
    thread: int
    index: int
    ids: tuple[str, str]


_Threads = list[list[_Step]]


def read_definition(items: Items, executors: Executors) -> tuple[dict[str, Any], list[Problem]]:
    """Return the workflow's `tasks`, and the problems of the definition."""
    reader = _Reader(items.document, executors)
    levels = [
        reader.level(number, value, (*items.path, index)) for number, (index, value) in enumerate(items.found)
    ]
    return {"tasks": tuple(reader.tasks(levels)), "notes": tuple(reader.notes())}, reader.problems


class _Reader:
    def __init__(self, document: Document, executors: Executors) -> None:
        self._document, self._executors = document, executors
        self._executor_names = Suggestions(executors)
        self._engine = document.value.get("engine") if isinstance(document.value, Object) else None
        self._idle: dict[tuple[str, str], list[KeyPath]] = defaultdict(list)
        self._level_ids: dict[str, KeyPath] = {}
        self._steps: dict[str, _Step] = {}
        self._again: list[_Step] = []
        self._unread: set[str] = set()
        self.problems: list[Problem] = []

    def _refuse(self, path: KeyPath, message: str, hint: str) -> None:
        self.problems.append(self._document.problem(path, message, hint))

    def level(self, number: int, value: Any, path: KeyPath) -> _Threads:
        """Return the threads of one level, with every step that can be read."""
        level, problems = read_model(Level, value, self._document, path)
        self.problems += problems
        if level is None:
            return []
        self._level_id(level.level_id, (*path, "LEVEL_ID"))
        ids: dict[str, KeyPath] = {}
        return [
            self._thread((number, index), level.level_id, thread, (*path, "THREADS", index), ids)
            for index, thread in enumerate(level.threads)
        ]

    def _level_id(self, level: str, path: KeyPath) -> None:
        before = list(self._level_ids)
        self._claim(level, path, self._level_ids, "LEVEL_ID")
        if before and level.isdecimal() and before[-1].isdecimal() and int(level) < int(before[-1]):
            hint = "Put the levels in the order in which they run."
            self._refuse(path, f"level {level} stands after level {before[-1]}", hint)

    def _claim(self, name: str, path: KeyPath, taken: dict[str, KeyPath], key: str) -> None:
        if name in taken:
            line = self._document.line(taken[name])
            self._refuse(
                path, f"a second {key} '{name}', the first is on line {line}", "Give it another one."
            )
        taken.setdefault(name, path)

    def _thread(
        self, at: tuple[int, int], level_id: str, value: Any, path: KeyPath, ids: dict[str, KeyPath]
    ) -> list[_Step]:
        thread, problems = read_model(Thread, value, self._document, path)
        self.problems += problems
        if thread is None:
            return []
        self._claim(thread.thread_id, (*path, "THREAD_ID"), ids, "THREAD_ID")
        steps: list[_Step] = []
        for index, item in enumerate(thread.steps):
            where = (*path, "STEPS", index)
            written = _written(item)
            fields = self._step(written, where)
            if fields is not None:
                key = None if is_workflow(written) else executor_key(written, self._engine)
                properties = written.get(PROPERTIES, {})
                names = (level_id, thread.thread_id)
                steps.append(_Step(fields, key, properties, where, *at, len(steps), names))
                self._claim_job(steps[-1])
        return steps

    def _step(self, value: Any, path: KeyPath) -> LevelStep | None:
        starts = isinstance(value, dict) and is_workflow(value)
        fields, problems = read_model(LevelStep if starts else FileStep, value, self._document, path)
        self.problems += problems
        if not isinstance(value, dict):
            return None
        for message, hint in lacks(value):
            self._refuse(path, message, hint)
        key = None if starts else executor_key(value, self._engine)
        self._note(value, path, key)
        if (
            fields
            and key
            and (name := fields.executor_under(key)) is not None
            and name not in self._executors
        ):
            message = f"there is no executor '{name}' in {self._executors.file.name}"
            self._refuse((*path, key), message, self._add_executor(name))
        if fields is None or not (fields.job_name or fields.starts):
            self._unread.add(str(value.get("JOB_ID")))
            return None
        return fields

    def _add_executor(self, name: str) -> str:
        """Return what to do about an executor that is not declared."""
        if any(True for _ in self._executors):
            return self._executor_names.hint(name, "executors")
        value = '{"*": {"format": "py"}}'
        written = (
            f'{{"ParameterKey": "executors", "ParameterValue": {value}}}'
            if self._executors.pairs
            else f'"executors": {value}'
        )
        return f"Declare it, or one for all names: {written}."

    def _note(self, step: Mapping[str, Any], path: KeyPath, key: str | None) -> None:
        """Keep in mind the keys of a STEP that have no meaning here."""
        for idle, why in NO_MEANING.items():
            if idle in step:
                self._idle[idle, why].append((*path, idle))
        for idle in EXECUTOR_KEYS:
            if idle in step and idle != key:
                because = f"{key} names the executor" if key else "a workflow is started without one"
                why = f"has no meaning here: {because}"
                self._idle[idle, why].append((*path, idle))

    def notes(self) -> Iterator[Note]:
        """Yield one for every key that has no meaning here."""
        document = self._document
        for (key, why), paths in self._idle.items():
            yield Note(key, why, document.file, document.line(paths[0], on_key=True), len(paths))

    def _claim_job(self, step: _Step) -> None:
        if self._steps.setdefault(step.fields.job_id, step) is not step:
            self._again.append(step)

    def _judge_repeated_ids(self, steps: Iterable[_Step]) -> None:
        """Report a JOB_ID that two steps have: an error where something names it, without effect
        elsewhere."""
        named = {name for step in steps for name in (step.fields.next, step.fields.read_input_from)}
        for step in self._again:
            job, path = step.fields.job_id, (*step.path, "JOB_ID")
            if job not in named:
                self._idle["JOB_ID", "stands at another step too; nothing names it"].append(path)
                continue
            line = self._document.line((*self._steps[job].path, "JOB_ID"))
            self._refuse(
                path, f"a second JOB_ID '{job}', the first is on line {line}", "Give it another one."
            )

    @cached_property
    def _job_ids(self) -> Suggestions:
        """Return the JOB_IDs of all steps: valid once all are read."""
        return Suggestions(self._steps)

    def tasks(self, levels: Iterable[_Threads]) -> Iterator[Task]:
        """Yield the tasks of all levels, each with what it waits for."""
        levels = list(levels)
        self._judge_repeated_ids(step for level in levels for thread in level for step in thread)
        runs = [[thread for thread in map(self._after_jumps, level) if thread] for level in levels]
        running = {step.path for level in runs for thread in level for step in thread}
        names = self._names(step for level in runs for thread in level for step in thread)
        last: list[_Step] = []
        for level in runs:
            for thread in level:
                before = last
                for step in thread:
                    yield self._task(step, before, names, running)
                    before = [step]
            last = [thread[-1] for thread in level] or last

    def _after_jumps(self, steps: list[_Step]) -> list[_Step]:
        """Return the steps that run: NEXT continues at a later step of the same thread."""
        positions = {step.fields.job_id: step.index for step in steps}
        kept: list[_Step] = []
        index = 0
        while index < len(steps):
            step = steps[index]
            kept.append(step)
            index += 1
            target = step.fields.next
            if target is None or target in self._unread:
                continue
            if target in positions and positions[target] > step.index:
                index = positions[target]
            else:
                self._refuse_jump(step, target, backwards=target in positions)
        return kept

    def _refuse_jump(self, step: _Step, target: str, *, backwards: bool) -> None:
        path, hint = (*step.path, "NEXT"), "Name a later step of the same thread, or leave NEXT empty."
        if backwards:
            self._refuse(path, f"NEXT '{target}' does not lead forwards", hint)
        elif target in self._steps:
            line = self._document.line((*self._steps[target].path, "JOB_ID"))
            self._refuse(path, f"NEXT '{target}' is in another thread (line {line})", hint)
        else:
            near = self._job_ids.nearest(target)
            self._refuse(path, f"NEXT '{target}' points nowhere", f"Did you mean '{near}'?" if near else hint)

    def _names(self, steps: Iterable[_Step]) -> Mapping[KeyPath, str]:
        """Return each step's task name: JOB_NAME, with the JOB_ID where several steps have one name."""
        listed = list(steps)
        uses = Counter(map(self._plain_name, listed))
        names: dict[str, KeyPath] = {}
        for step in listed:
            job, name = step.fields.job_id, self._plain_name(step)
            name = f"{name}_{job}" if uses[name] > 1 else name
            while name in names:  # the file `a_1` beside the file `a` in step 1, or a JOB_ID that was refused
                name = f"{name}_{job}"
            names[name] = step.path
        return {path: name for name, path in names.items()}

    def _plain_name(self, step: _Step) -> str:
        """Return JOB_NAME without the ending that its executor's format stands for."""
        executor = self._executor(step)
        ending = f".{executor.format}" if executor and executor.format else ""
        return (step.fields.job_name or step.fields.starts or "").removesuffix(ending)

    def _executor(self, step: _Step) -> Executor | None:
        name = step.fields.executor_under(step.executor) if step.executor else None
        return self._executors.get(name) if name is not None else None

    def _task(
        self, step: _Step, before: list[_Step], names: Mapping[KeyPath, str], running: set[KeyPath]
    ) -> Task:
        fields = step.fields
        source = self._source(step, running)
        upstream = {names[other.path]: other for other in [*before, *([source] if source else [])]}
        starts = fields.type == "workflow"
        how = self._how(step)
        how["timeout_seconds"] = fields.limit_seconds or how.get("timeout_seconds", 0)
        how["poll_seconds"] = fields.wait_seconds or how.get("poll_seconds", 0.0)
        has_file = not starts and how.get("task") is None
        entry = Entry.model_construct(
            file_name=self._plain_name(step) if has_file else None,
            name=names[step.path],
            dependent_on=tuple(upstream),
            tags={"level": step.ids[0], "thread": step.ids[1], "job_id": fields.job_id},
            **how,
        )
        target = next((key for key in WORKFLOW_KEYS if getattr(fields, key)), "JOB_NAME")
        return Task(
            entry,
            self._document,
            step.path,
            written={**_WRITTEN, "format": step.executor or "", "target": target},
            target=(fields.starts or fields.job_name) if starts else None,
            inputs_from={INPUT: names[source.path]} if source else {},
            tolerates=tuple(name for name, other in upstream.items() if other.fields.continue_if_fail),
            by_executor=not starts,
        )

    def _how(self, step: _Step) -> dict[str, Any]:
        """Return what its executor says of this STEP, its own values put in, with the parameters of both."""
        executor = self._executor(step)
        if executor is None:
            return {"parameters": step.fields.properties}
        how: dict[str, Any] = {key: getattr(executor, key) for key in Executor.model_fields}
        if not isinstance(step.properties, dict):
            return how
        name = step.fields.executor_under(step.executor or "") or ""
        ids = (step.fields.job_id, step.fields.job_name or "", *step.ids, name)
        try:
            for key in FILLED_KEYS:
                how[key] = filled(how[key], dict(zip(VALUES, ids, strict=True)), step.properties)
        except MissingProperty as missing:
            needed = f"${{step.{PROPERTY}{missing.name}}}"
            message = f"the executor '{name}' needs {needed}, which is not here"
            near = Suggestions(step.properties).nearest(missing.name)
            hint = f"Did you mean '{near}'?" if near else f'Add "{missing.name}" to {PROPERTIES}.'
            self._refuse((*step.path, PROPERTIES), message, hint)
        given = {key: as_text(value) for key, value in how["parameters"].items()}
        how["parameters"] = {**given, **self._own_parameters(step, executor)}
        return how

    def _own_parameters(self, step: _Step, executor: Executor) -> Mapping[str, str]:
        """Return the STEP_PROPERTIES that its code is given: of a task, those that were not put into its
        payload."""
        if executor.task is None:
            return step.fields.properties
        found = references([executor.task, executor.parameters])
        used = {first_key(name, step.properties) for _, name in found if name.startswith(PROPERTY)}
        left = {key: text for key, text in step.fields.properties.items() if key not in used}
        kind = kind_of_task(executor.task)
        if kind is None or kind in TAKES_PARAMETERS:
            return left
        for key in left:
            why = f"has no meaning here: a {kind} takes no parameters, and the executor does not read it"
            self._idle[f"{PROPERTIES}.{key}", why].append((*step.path, PROPERTIES))
        return {}

    def _source(self, step: _Step, running: set[KeyPath]) -> _Step | None:
        """Return the step whose exit value this one reads: one that has surely ended before it."""
        job = step.fields.read_input_from
        if job is None or job in self._unread:
            return None
        path, source = (*step.path, "READ_INPUT_FROM"), self._steps.get(job)
        if source is None:
            hint = self._job_ids.hint(job, "JOB_IDs")
            self._refuse(path, f"READ_INPUT_FROM '{job}' points nowhere", hint)
        elif source.path not in running:
            self._refuse(path, f"step '{job}' is jumped over and never runs", "Name a step that runs.")
        elif not (source.level < step.level or (_same_thread(source, step) and source.index < step.index)):
            message = f"step '{job}' does not end before this one"
            self._refuse(path, message, "Name an earlier step of this thread or one of an earlier level.")
        else:
            return source
        return None


def _written(step: Any) -> Any:
    """Return a STEP without the keys that are left out: an empty text is how such definitions do that."""
    if not isinstance(step, dict):
        return step
    return {key: item for key, item in step.items() if item not in ("", None)}


def _same_thread(one: _Step, other: _Step) -> bool:
    return (one.level, one.thread) == (other.level, other.thread)
