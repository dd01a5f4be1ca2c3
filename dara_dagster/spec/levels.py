"""Turns a LEVEL / THREAD / STEP definition into tasks.

Levels run one after another, the threads of a level side by side, the steps of a thread in sequence.
So the first step of a thread waits for the last steps of all threads of the level before (the nearest
one that has any), and each other step for the one before it, after NEXT has jumped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dara_dagster.errors import Problem
from dara_dagster.spec.document import Document, KeyPath
from dara_dagster.spec.level_models import FileStep, Level, LevelStep, Thread, lacks
from dara_dagster.spec.models import Entry, Executor
from dara_dagster.spec.names import Names
from dara_dagster.spec.spec import Executors, Items, Task
from dara_dagster.spec.validation import read_model

# The parameter in which a step gets the exit value of the step that READ_INPUT_FROM names.
INPUT = "input"
# Keys of an entry -> what they are in a STEP, for problems.
_WRITTEN = {
    "file_name": "JOB_NAME",
    "name": "JOB_NAME",
    "format": "FUNCTION_ID_NAME",
    "parameters": "STEP_PROPERTIES",
    "inputs_from": "READ_INPUT_FROM",
    "target": "workflow_name",
}


@dataclass(frozen=True)
class _Step:
    """A STEP with its place: `level`, `thread` and `index` in it count from 0; `ids` are as written."""

    said: LevelStep
    path: KeyPath
    level: int
    thread: int
    index: int
    ids: tuple[str, str]


_Threads = list[list[_Step]]


def read_definition(items: Items, executors: Executors) -> tuple[dict[str, Any], list[Problem]]:
    """The workflow's `tasks`, and the problems of the definition."""
    reader = _Reader(items.document, executors)
    levels = [
        reader.level(number, value, (*items.path, index)) for number, (index, value) in enumerate(items.found)
    ]
    return {"tasks": tuple(reader.tasks(levels))}, reader.problems


class _Reader:
    def __init__(self, document: Document, executors: Executors) -> None:
        self._document, self._executors = document, executors
        self._executor_names = Names(executors)
        self._level_ids: dict[str, KeyPath] = {}
        self._steps: dict[str, _Step] = {}
        self._unread: set[str] = set()
        self.problems: list[Problem] = []

    def _refuse(self, path: KeyPath, wrong: str, remedy: str) -> None:
        self.problems.append(self._document.problem(path, wrong, remedy))

    def level(self, number: int, value: Any, path: KeyPath) -> _Threads:
        """The threads of one level, with every step that can be read."""
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
            remedy = "Put the levels in the order in which they run."
            self._refuse(path, f"level {level} stands after level {before[-1]}", remedy)

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
            said = self._step(item, (*path, "STEPS", index))
            if said is not None:
                steps.append(
                    _Step(said, (*path, "STEPS", index), *at, len(steps), (level_id, thread.thread_id))
                )
                self._claim_job(steps[-1])
        return steps

    def _step(self, value: Any, path: KeyPath) -> LevelStep | None:
        if isinstance(value, dict):
            # An empty text is how such definitions leave a key out.
            value = {key: item for key, item in value.items() if item not in ("", None)}
        is_workflow = isinstance(value, dict) and str(value.get("TYPE", "")).lower() == "workflow"
        said, problems = read_model(LevelStep if is_workflow else FileStep, value, self._document, path)
        self.problems += problems
        if not isinstance(value, dict):
            return None
        for wrong, remedy in lacks(value):
            self._refuse(path, wrong, remedy)
        if said and said.executor is not None and said.executor not in self._executors and not is_workflow:
            remedy = self._executor_names.remedy(said.executor, "executors")
            wrong = f"there is no executor '{said.executor}' in parameters.json"
            self._refuse((*path, "FUNCTION_ID_NAME"), wrong, remedy)
        if said is None or not (said.job_name or said.workflow_name):
            self._unread.add(str(value.get("JOB_ID")))
            return None
        return said

    def _claim_job(self, step: _Step) -> None:
        first = self._steps.setdefault(step.said.job_id, step)
        if first is not step:
            line = self._document.line((*first.path, "JOB_ID"))
            wrong = f"a second JOB_ID '{step.said.job_id}', the first is on line {line}"
            self._refuse((*step.path, "JOB_ID"), wrong, "Give it another one.")

    @cached_property
    def _job_ids(self) -> Names:
        """Those of all steps: to be asked for when all are read."""
        return Names(self._steps)

    def tasks(self, levels: Iterable[_Threads]) -> Iterator[Task]:
        """The tasks of all levels, each with what it waits for."""
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
        """The steps that run: NEXT goes on at a later step of the same thread."""
        positions = {step.said.job_id: step.index for step in steps}
        kept: list[_Step] = []
        index = 0
        while index < len(steps):
            step = steps[index]
            kept.append(step)
            index += 1
            target = step.said.next
            if target is None or target in self._unread:
                continue
            if target in positions and positions[target] > step.index:
                index = positions[target]
            else:
                self._refuse_jump(step, target, backwards=target in positions)
        return kept

    def _refuse_jump(self, step: _Step, target: str, *, backwards: bool) -> None:
        path, remedy = (*step.path, "NEXT"), "Name a later step of the same thread, or leave NEXT empty."
        if backwards:
            self._refuse(path, f"NEXT '{target}' does not lead forwards", remedy)
        elif target in self._steps:
            line = self._document.line((*self._steps[target].path, "JOB_ID"))
            self._refuse(path, f"NEXT '{target}' is in another thread (line {line})", remedy)
        else:
            hint = self._job_ids.nearest(target)
            self._refuse(
                path, f"NEXT '{target}' points nowhere", f"Did you mean '{hint}'?" if hint else remedy
            )

    def _names(self, steps: Iterable[_Step]) -> Mapping[KeyPath, str]:
        """Each step's task name: JOB_NAME, with the JOB_ID where several steps have one name."""
        said = list(steps)
        uses = Counter(self._plain_name(step.said) for step in said)
        names: dict[str, KeyPath] = {}
        for step in said:
            job, name = step.said.job_id, self._plain_name(step.said)
            name = f"{name}_{job}" if uses[name] > 1 else name
            while name in names:  # the file `a_1` beside the file `a` in step 1, or a JOB_ID that was refused
                name = f"{name}_{job}"
            names[name] = step.path
        return {path: name for name, path in names.items()}

    def _plain_name(self, said: LevelStep) -> str:
        """JOB_NAME without the ending that its executor's format stands for."""
        executor = self._executors.get(said.executor or "")
        ending = f".{executor.format}" if executor and said.type != "workflow" else ""
        return (said.job_name or said.workflow_name or "").removesuffix(ending)

    def _task(
        self, step: _Step, before: list[_Step], names: Mapping[KeyPath, str], running: set[KeyPath]
    ) -> Task:
        said = step.said
        source = self._source(step, running)
        upstream = {names[other.path]: other for other in [*before, *([source] if source else [])]}
        is_file = said.type != "workflow"
        executor = self._executors.get(said.executor or "") if is_file else None
        how = {key: getattr(executor, key) for key in Executor.model_fields} if executor else {}
        how["parameters"] = {**how.get("parameters", {}), **said.properties}
        how["timeout_seconds"] = said.limit_seconds or how.get("timeout_seconds", 0)
        how["poll_seconds"] = said.wait_seconds or how.get("poll_seconds", 0.0)
        entry = Entry.model_construct(
            file_name=self._plain_name(said) if is_file else None,
            name=names[step.path],
            dependent_on=tuple(upstream),
            tags={"level": step.ids[0], "thread": step.ids[1], "job_id": said.job_id},
            **how,
        )
        return Task(
            entry,
            self._document,
            step.path,
            written=_WRITTEN if said.workflow_name else {**_WRITTEN, "target": "JOB_NAME"},
            target=None if is_file else said.workflow_name or said.job_name,
            inputs_from={INPUT: names[source.path]} if source else {},
            tolerates=tuple(name for name, other in upstream.items() if other.said.continue_if_fail),
            by_executor=is_file,
        )

    def _source(self, step: _Step, running: set[KeyPath]) -> _Step | None:
        """The step whose exit value this one reads: one that has surely ended before it."""
        job = step.said.read_input_from
        if job is None or job in self._unread:
            return None
        path, source = (*step.path, "READ_INPUT_FROM"), self._steps.get(job)
        if source is None:
            remedy = self._job_ids.remedy(job, "JOB_IDs")
            self._refuse(path, f"READ_INPUT_FROM '{job}' points nowhere", remedy)
        elif source.path not in running:
            self._refuse(path, f"step '{job}' is jumped over and never runs", "Name a step that runs.")
        elif not (source.level < step.level or (_same_thread(source, step) and source.index < step.index)):
            wrong = f"step '{job}' does not end before this one"
            self._refuse(path, wrong, "Name an earlier step of this thread or one of an earlier level.")
        else:
            return source
        return None


def _same_thread(one: _Step, other: _Step) -> bool:
    return (one.level, one.thread) == (other.level, other.thread)
