"""The models of a LEVEL / THREAD / STEP definition, with its keys as they are written there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from dara_dagster.config.dialects.step_values import as_text
from dara_dagster.config.fields import Count, FileName, Label, Model, Seconds, Text, invalid
from dara_dagster.config.json_source import Array, Document, KeyPath, Object, key_text, parse_json
from dara_dagster.config.models import WorkflowOptions
from dara_dagster.errors import Problem

PROPERTIES = "STEP_PROPERTIES"
# The keys that name a STEP's executor. The framework reads one by TYPE, or COMPOSER_STEP for engine composer:
# https://github.com/oscarpulido55/aef-data-orchestration/tree/main/workflows-generator
EXECUTOR_KEYS = ("FUNCTION_ID_NAME", "FUNCTION_NAME", "COMPOSER_STEP")
# The keys that say what a STEP of TYPE workflow starts.
WORKFLOW_KEYS = ("workflow_name", "workflows_name")
# Keys that are read and have no meaning here -> what a note says of them.
NO_MEANING = {
    "FUNCTION_STATUS_NAME": "has no meaning here: the executor that runs a step is asked for its state too",
    "LAST_STEP": "has no meaning here: the step that no other waits for is the last",
}
_TYPE_NAMES = {"workflows": "workflow"}


def _step_type(value: Any) -> Any:
    lower = value.lower() if isinstance(value, str) else value
    return _TYPE_NAMES.get(lower, lower) if isinstance(lower, str) else lower


def _properties(value: Any) -> Any:
    """Turn JSON text (or an object) into texts; what is neither text nor number stays JSON."""
    if isinstance(value, str):
        document, problems = parse_json(Path(), value)
        if problems:
            message = f"the text is not JSON: {problems[0].message}"
            raise invalid(message, 'Write "{\\"key\\": \\"value\\"}".')
        value = document.value
    if not isinstance(value, dict):
        raise invalid("should be an object in JSON text", 'Write "{\\"key\\": \\"value\\"}".')
    return {key: as_text(item) for key, item in value.items()}


StepType = Annotated[
    Literal["sync", "async", "workflow"],
    BeforeValidator(_step_type),
    WithJsonSchema({"type": "string", "examples": ["sync", "async", "workflow", "workflows"]}),
]
Properties = Annotated[
    dict[str, str], BeforeValidator(_properties, json_schema_input_type=str | dict[str, Any])
]


class LevelStep(Model):
    """One STEP."""

    job_id: Label = Field(alias="JOB_ID", description="Unique in the definition.")
    job_name: Text | None = Field(default=None, alias="JOB_NAME", description="File in the notebooks folder.")
    type: StepType = Field(default="sync", alias="TYPE", description="sync, async or workflow(s).")
    workflow_name: Text | None = Field(default=None, description="For TYPE workflow: what it starts.")
    workflows_name: Text | None = Field(default=None, description="The same as workflow_name.")
    executor: Text | None = Field(default=None, alias="FUNCTION_ID_NAME", description="The executor's name.")
    sync_executor: Text | None = Field(
        default=None, alias="FUNCTION_NAME", description="The executor's name, in a sync step."
    )
    composer_executor: Text | None = Field(
        default=None, alias="COMPOSER_STEP", description='The executor\'s name, for "engine": "composer".'
    )
    status_executor: Any = Field(default=None, alias="FUNCTION_STATUS_NAME", description="No meaning here.")
    last_step: Any = Field(default=None, alias="LAST_STEP", description="No meaning here.")
    wait_seconds: Seconds = Field(default=0.0, alias="WAIT_TIME_SECONDS", description="Poll no more often.")
    async_minutes: Seconds | None = Field(
        default=None, alias="ASYNC_TIMEOUT_LOOP_IN_MINUTES", description="Time limit of an async step."
    )
    timeout_seconds: Count | None = Field(
        default=None,
        alias="TIMEOUT_SECONDS",
        description="Time limit; for a workflow of the project, of each of its tasks.",
    )
    continue_if_fail: bool = Field(
        default=False, alias="CONTINUE_IF_FAIL", description="Continue after this step even if it fails."
    )
    next: Text | None = Field(default=None, alias="NEXT", description="JOB_ID to jump to, in this thread.")
    properties: Properties = Field(default={}, alias="STEP_PROPERTIES", description="JSON text: parameters.")
    read_input_from: Text | None = Field(
        default=None, alias="READ_INPUT_FROM", description="JOB_ID whose exit value becomes `input`."
    )

    def executor_under(self, key: str) -> str | None:
        """Return the executor's name that stands under one of EXECUTOR_KEYS."""
        names = (self.executor, self.sync_executor, self.composer_executor)
        return dict(zip(EXECUTOR_KEYS, names, strict=True)).get(key)

    @property
    def starts(self) -> str | None:
        """Return what a STEP of TYPE workflow starts, or what any other one has under that key."""
        return self.workflow_name or self.workflows_name

    @property
    def limit_seconds(self) -> int:
        """Return the time limit: an async step's own one first, else the general one first; 0 = none."""
        minutes = None if self.async_minutes is None else round(self.async_minutes * 60)
        first, second = (
            (minutes, self.timeout_seconds) if self.type == "async" else (self.timeout_seconds, minutes)
        )
        return first or second or 0


def is_workflow(step: Mapping[str, Any]) -> bool:
    """Return whether a STEP as written starts a workflow."""
    return bool(_step_type(step.get("TYPE")) == "workflow")


def executor_key(step: Mapping[str, Any], engine: Any) -> str | None:
    """Return the key that names the executor of a STEP as written; None when none does.

    A file may be written for more than one engine: then the key of its `engine` and its TYPE counts.
    """
    first = {"sync": "FUNCTION_NAME"}.get(str(step.get("TYPE", "sync")).lower(), "FUNCTION_ID_NAME")
    if engine == "composer":
        first = "COMPOSER_STEP"
    return next((key for key in (first, *EXECUTOR_KEYS) if key in step), None)


def lacks(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a STEP lacks or has too much for its TYPE, and a hint; by the keys that are written."""
    kind = _step_type(step.get("TYPE", "sync"))
    names = [key for key in WORKFLOW_KEYS if key in step]
    if kind == "workflow" and not names and "JOB_NAME" not in step:
        yield "workflow_name is missing", "Name a workflow of the project or a saved job."
    if len(names) == 2 and step[names[0]] != step[names[1]]:
        yield f"both {' and '.join(names)}", "Remove one of the two."
    if kind in ("sync", "async"):
        if "JOB_NAME" not in step:
            yield "JOB_NAME is missing", 'Add "JOB_NAME".'
        if not any(key in step for key in EXECUTOR_KEYS):
            yield "FUNCTION_ID_NAME is missing", 'Add "FUNCTION_ID_NAME".'
        for key in names:
            yield f"{key} does not go with TYPE {kind}", 'Write "TYPE": "workflow".'


class FileStep(LevelStep):
    """A STEP that runs a file: its name must be one of a file."""

    job_name: FileName | None = Field(default=None, alias="JOB_NAME")


class Thread(Model):
    """The steps of one thread, in sequence; each is read by itself."""

    thread_id: Label = Field(alias="THREAD_ID")
    steps: tuple[Any, ...] = Field(alias="STEPS")


class Level(Model):
    """The parallel threads of one level; each is read by itself."""

    level_id: Label = Field(alias="LEVEL_ID")
    threads: tuple[Any, ...] = Field(alias="THREADS")


def _as_written(schema: dict[str, Any]) -> None:
    """Put into a STEP's JSON Schema that "" or null leaves a key out, any key."""
    empty = {"enum": ["", None]}
    for key, inner in schema["properties"].items():
        if key not in schema["required"]:
            schema["properties"][key] = {"anyOf": [inner, empty]}
    schema["additionalProperties"] = empty


class StepFile(LevelStep):
    """One STEP, for the JSON Schema."""

    model_config = ConfigDict(json_schema_extra=_as_written)


class ThreadFile(Thread):
    """A thread with its steps, for the JSON Schema."""

    steps: tuple[StepFile, ...] = Field(alias="STEPS")


class LevelFile(Level):
    """A level with its threads, for the JSON Schema."""

    threads: tuple[ThreadFile, ...] = Field(alias="THREADS")


class DefinitionWorkflow(WorkflowOptions):
    """A workflow as LEVEL / THREAD / STEP."""

    engine: Any = Field(default=None, description="For whom it was written; everything runs on Databricks.")
    definition: tuple[LevelFile, ...] = Field(min_length=1)


def open_properties(document: Document) -> list[Problem]:
    """Replace the JSON text of STEP_PROPERTIES by its object, in place; gives problems of repeated keys.

    Variables are put in afterwards, so that no value can change the structure of the JSON.
    """
    problems: list[Problem] = []
    for path, step in _steps(document.value):
        text = step.get(PROPERTIES)
        if isinstance(text, str):
            inner, found = parse_json(document.file, text)
            if isinstance(inner.value, Object):
                offset = step.places[PROPERTIES][1]
                line, message = document.place(offset)[0], "this key stands twice in the JSON text"
                key = key_text((*path, PROPERTIES))
                problems += [
                    replace(again, line=line, key=f"{key}.{again.key}".replace(".[", "["), message=message)
                    for again in found
                ]
                _move(inner.value, offset)
                step[PROPERTIES] = inner.value
    return problems


def _steps(value: Any) -> Iterator[tuple[KeyPath, Object]]:
    """Yield every STEP of a definition with its path, as far as there are levels and threads around it."""
    path: KeyPath = ()
    if isinstance(value, Object):
        value, path = value.get("definition"), ("definition",)
    for level_path, level in _objects(value, path):
        for thread_path, thread in _objects(level.get("THREADS"), (*level_path, "THREADS")):
            yield from _objects(thread.get("STEPS"), (*thread_path, "STEPS"))


def _objects(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Object]]:
    for index, item in enumerate(value) if isinstance(value, Array) else ():
        if isinstance(item, Object):
            yield (*path, index), item


def _move(value: Any, offset: int) -> None:
    """Put everything in `value` at one place of the outer text."""
    if isinstance(value, Object):
        value.places = dict.fromkeys(value, (offset, offset))
    else:
        value.places = [offset] * len(value)
    for item in value.values() if isinstance(value, Object) else value:
        if isinstance(item, Object | Array):
            _move(item, offset)
