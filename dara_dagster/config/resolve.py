"""Resolves a checked spec into the plan: order, files, compute, parameters, content hashes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from dara_dagster.config.dialects.step_models import StepsOptions, warehouse_key
from dara_dagster.config.kinds import TaskKind, kinds_of
from dara_dagster.config.loader import load
from dara_dagster.config.models import Sensor
from dara_dagster.config.plan import (
    HOME,
    ComputePlan,
    Plan,
    StepPlan,
    TaskPlan,
    WorkflowPlan,
)
from dara_dagster.config.rules.checks import check
from dara_dagster.config.rules.dependencies import topological
from dara_dagster.config.settings import Settings
from dara_dagster.config.spec import Spec, Step, Task, Workflow
from dara_dagster.config.suggestions import safe_key, unique_keys
from dara_dagster.errors import ConfigError


def plan_from(config_dir: Path | str, environ: Mapping[str, str] = os.environ) -> Plan:
    """Return the plan of a folder of files (load, check, make_plan). Raises ConfigError with every
    problem."""
    return make_plan(load(config_dir, environ))


def make_plan(spec: Spec) -> Plan:
    """Return the plan: what would run, in which order, on what. Raises ConfigError if `check` finds
    problems."""
    if problems := check(spec):
        raise ConfigError(problems)
    return _Resolver(spec).plan()


class _Resolver:
    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        parent = "/Workspace/Shared/dara" if spec.workspace == "emulator" else f"{HOME}/.dara"
        self._path = spec.project.workspace_path or f"{parent}/{spec.name}"
        self._computes = {
            (compute.kind, compute.name): ComputePlan(compute.kind, compute.name, compute.settings)
            for compute in spec.computes
        }
        self._compute_texts = {key: _text(plan.settings) for key, plan in self._computes.items()}
        self._workflow_names = {workflow.name for workflow in spec.workflows}

    def plan(self) -> Plan:
        spec, project = self._spec, self._spec.project
        return Plan(
            name=spec.name,
            root=spec.root,
            config_dir=spec.config_dir,
            workspace=spec.workspace,
            notebooks=spec.sources.folder,
            workspace_path=self._path,
            clusters={name: plan for (kind, name), plan in self._computes.items() if kind == "cluster"},
            warehouses={name: plan for (kind, name), plan in self._computes.items() if kind == "warehouse"},
            workflows=tuple(self._workflow(workflow) for workflow in spec.workflows),
            catalog=project.catalog,
            schema=project.schema_,
            poll=Settings(**project.poll.model_dump()),
            from_environment=spec.from_environment,
            max_concurrent=project.max_concurrent,
            upload_folders=tuple(spec.config_dir / folder for folder in project.upload_folders),
        )

    def _workflow(self, workflow: Workflow) -> WorkflowPlan:
        options = workflow.options
        tasks = {task.name: task for task in workflow.tasks}
        keys = unique_keys(tasks)
        order = topological({name: task.entry.dependent_on for name, task in tasks.items()})
        return WorkflowPlan(
            name=workflow.name,
            source=workflow.document.file,
            options=options,
            tasks=tuple(self._task(tasks[name], keys[name], options.parameters) for name in order),
            steps=tuple(self._step(step, options.parameters) for step in workflow.steps),
            context=options.context if isinstance(options, StepsOptions) else None,
            sensor=self._sensor(options.sensor) if options.sensor else None,
            max_concurrent=options.max_concurrent or self._spec.project.max_concurrent,
        )

    def _step(self, step: Step, defaults: Mapping[str, str]) -> StepPlan:
        task = self._task(step.task, safe_key(step.name), defaults) if step.task else None
        warehouse = step.settings.get(warehouse_key(step.uses) or "")
        compute = self._computes["warehouse", warehouse] if warehouse else None
        return StepPlan(step.name, step.uses, step.settings, task, compute)

    def _sensor(self, sensor: Sensor) -> Sensor:
        folder = str(self._spec.root / sensor.folder) if sensor.folder else None
        return sensor.model_copy(update={"folder": folder})

    def _task(self, task: Task, key: str, defaults: Mapping[str, str]) -> TaskPlan:
        entry, project = task.entry, self._spec.project
        kind, file, remote, digest = self._source(task)
        # A workflow of the project has defaults of its own, and is given what its step says.
        own = not defaults or kind == "workflow" or entry.arguments
        plan = TaskPlan(
            name=task.name,
            key=key,
            kind=kind,
            entry=entry,
            file=file,
            remote_file=remote,
            compute=self._compute(task),
            parameters=entry.named_parameters if own else {**defaults, **entry.named_parameters},
            outputs=tuple(map(self._spec.qualified, entry.outputs)),
            workflow=task.target,
            tolerates=task.tolerates,
            inputs_from=task.inputs_from,
            catalog=project.catalog,
            schema=project.schema_,
        )
        return replace(plan, content_hash=self._content_hash(plan, digest))

    def _content_hash(self, plan: TaskPlan, file_digest: str) -> str:
        """Return the hash of what the task does: another one means that its results may be others."""
        compute = plan.compute
        settings: tuple[Any, ...] = (
            plan.kind, file_digest, plan.remote_file, plan.parameters, plan.libraries, plan.on_job_cluster,
            plan.entry.task, plan.workflow, plan.inputs_from,
            compute and (compute.kind, compute.name, self._compute_texts[compute.kind, compute.name]),
            plan.catalog, plan.schema,
        )  # fmt: skip
        if plan.kind == "wheel":
            settings += (plan.entry.entry_point, plan.entry.package_name, plan.entry.arguments)
        return sha256(_text(settings).encode()).hexdigest()

    def _source(self, task: Task) -> tuple[TaskKind, Path | None, str | None, str]:
        """Return kind, local file, remote file and hash of the content."""
        if task.target is not None:
            return "workflow" if task.target in self._workflow_names else "saved_job", None, None, ""
        if task.entry.task is not None:
            return "raw", None, None, ""
        name, ending = task.entry.file_name or "", task.entry.format or ""
        source = self._spec.sources.read(name, ending)
        remote = f"{self._path}/{name}" if source.kind == "notebook" else f"{self._path}/{name}.{ending}"
        return source.kind, self._spec.sources.file(name, ending), remote, source.digest

    def _compute(self, task: Task) -> ComputePlan | None:
        entry = task.entry
        if entry.warehouse_name is not None:
            return self._computes["warehouse", entry.warehouse_name]
        if entry.compute_name is not None:
            kind = kinds_of(entry.format)[0].compute if entry.format else "cluster"
            return self._computes[kind, entry.compute_name]
        return None


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
