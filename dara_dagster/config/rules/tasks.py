"""The rules one task must keep against the files of the project: its file, its compute, its payload."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dara_dagster.config.dialects.step_models import warehouse_key
from dara_dagster.config.kinds import kinds_of
from dara_dagster.config.rules.payload import payload_faults
from dara_dagster.config.rules.unused_keys import without_effect
from dara_dagster.config.spec import Spec, Step, Task
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.errors import Problem

# "base_parameters ... JSON 1 MB" (Jobs API, NotebookTask).
_PARAMETERS_BYTES = 1_000_000


class TaskChecks:
    """The checks of single tasks; keeps what they all look up."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        # In the order of the files, in which problems name them.
        self._clusters = {each.name: None for each in spec.computes if each.kind == "cluster"}
        self._warehouses = {each.name: None for each in spec.computes if each.kind == "warehouse"}
        self._cluster_names, self._warehouse_names = (
            Suggestions(self._clusters),
            Suggestions(self._warehouses),
        )

    def check(self, task: Task) -> Iterator[Problem]:
        """Yield every problem of the task."""
        if task.target is not None:
            return
        if not task.by_executor:
            yield from self.check_settings(task)
        yield from self._outputs(task)
        if len(json.dumps(task.entry.parameters)) > _PARAMETERS_BYTES:
            hint = "Put the data into a file on a volume and give its path."
            yield task.problem("parameters", "the parameters are larger than the 1 MB of the Jobs API", hint)
        if task.entry.task is not None and not task.by_executor:
            yield from self._payload(task)
        elif task.entry.task is None and self._spec.sources.exist:
            yield from self._file(task)

    def check_settings(self, task: Task) -> Iterator[Problem]:
        """Yield the problems of what the task (or executor) says of how it runs; one for each key."""
        unused = [*_file_needs(task), *without_effect(task)]
        reported = {problem.key for problem in unused}
        yield from unused
        yield from (problem for problem in self._compute(task) if problem.key not in reported)

    def check_step(self, step: Step) -> Iterator[Problem]:
        """Yield the problems of a step that its task does not report."""
        key = warehouse_key(step.uses) or ""
        name = step.settings.get(key)
        if isinstance(name, str) and name not in self._warehouses:
            hint = self._warehouse_names.hint(name, "warehouses")
            message = f"there is no warehouse '{name}' in warehouse_config.json"
            yield step.document.problem((*step.path, "settings", key), message, hint)

    def _file(self, task: Task) -> Iterator[Problem]:
        sources, name, ending = self._spec.sources, task.entry.file_name or "", task.entry.format
        if ending is None:  # it could not be read, or the executor of a STEP is not known: that is reported
            if not sources.endings(name):
                hint = self._without_ending(name) or sources.names.hint(name, "files")
                yield task.problem("file_name", f"there is no file '{name}' in {sources.folder}", hint)
        elif sources.file(name, ending):
            source = sources.read(name, ending)
            if source.fault:
                yield task.problem("file_name", source.fault, source.hint)
        elif others := sources.endings(name):
            files = ", ".join(f"{name}.{other}" for other in others)
            yield task.problem("format", f"there is no {name}.{ending}, but {files}", f'Write "{others[0]}".')
        else:
            hint = self._without_ending(name, ending) or sources.names.hint(name, "files")
            yield task.problem("file_name", f"there is no {name}.{ending} in {sources.folder}", hint)

    def _without_ending(self, name: str, ending: str | None = None) -> str | None:
        """Return what to write for a file that was named with its ending; None where there is no such
        file."""
        base, _, written = name.rpartition(".")
        if not (base and self._spec.sources.file(base, written)):
            return None
        if written == ending:
            return f'Write "{base}", without the ending.'
        return f'Write "file_name": "{base}" and "format": "{written}".'

    def _compute(self, task: Task) -> Iterator[Problem]:
        entry = task.entry
        if entry.compute_name is not None and entry.warehouse_name is not None:
            hint = "Remove one of the two: a task runs on a cluster or on a warehouse."
            yield task.problem("warehouse_name", "both compute_name and warehouse_name", hint)
        elif entry.task is None and entry.format is None:
            yield from self._any_compute(task)
        elif entry.format is not None and kinds_of(entry.format)[0].compute == "warehouse":
            yield from self._sql_compute(task)
        elif entry.compute_name is not None:
            yield from self._cluster(task, entry.compute_name)
        elif entry.warehouse_name is not None:
            if entry.task is None:
                message = f"a {entry.format} file cannot run on a warehouse, which runs only sql"
                yield task.problem(
                    "warehouse_name", message, "Name a cluster with compute_name, or neither (serverless)."
                )
            elif entry.warehouse_name not in self._warehouses:
                yield self._unknown_warehouse(task, "warehouse_name", entry.warehouse_name)
        if entry.cluster == "job" and entry.compute_name is None:
            hint = "Name a cluster with compute_name, or remove cluster."
            yield task.problem("cluster", "a job cluster needs the settings of a named cluster", hint)

    def _any_compute(self, task: Task) -> Iterator[Problem]:
        """Check that the name exists at all: what the file is, and so what it runs on, is not known."""
        cluster, warehouse = task.entry.compute_name, task.entry.warehouse_name
        if cluster is not None and cluster not in self._warehouses:
            yield from self._cluster(task, cluster)
        if warehouse is not None and warehouse not in self._warehouses:
            yield self._unknown_warehouse(task, "warehouse_name", warehouse)

    def _sql_compute(self, task: Task) -> Iterator[Problem]:
        key = "compute_name" if task.entry.compute_name is not None else "warehouse_name"
        name = task.entry.compute_name if key == "compute_name" else task.entry.warehouse_name
        if name is None:
            message, hint = "sql needs a warehouse", self._warehouse_names.hint("", "warehouses")
            yield task.problem(key, message, f"Add warehouse_name. {hint}")
        elif name in self._warehouses:
            return
        elif name in self._clusters:
            hint = self._warehouse_names.hint(name, "warehouses")
            yield task.problem(key, f"sql cannot run on the cluster '{name}'", f"Name a warehouse. {hint}")
        else:
            yield self._unknown_warehouse(task, key, name)

    def _cluster(self, task: Task, name: str) -> Iterator[Problem]:
        if name in self._clusters:
            return
        if name not in self._warehouses:
            hint = self._cluster_names.hint(name, "clusters")
            yield task.problem("compute_name", f"there is no cluster '{name}' in cluster_config.json", hint)
        elif task.entry.task is None:
            message = f"a {task.entry.format} file cannot run on the warehouse '{name}', which runs only sql"
            yield task.problem("compute_name", message, "Name a cluster, or none (serverless).")
        else:
            yield task.problem(
                "compute_name", f"'{name}' is a warehouse", f'Write "warehouse_name": "{name}".'
            )

    def _unknown_warehouse(self, task: Task, key: str, name: str) -> Problem:
        hint = self._warehouse_names.hint(name, "warehouses")
        return task.problem(key, f"there is no warehouse '{name}' in warehouse_config.json", hint)

    def _outputs(self, task: Task) -> Iterator[Problem]:
        """Check for unqualified tables without defaults, and for a table named twice: case does not count."""
        project = self._spec.project_document.value  # as written: a wrong catalog is reported there
        seen: dict[str, str] = {}
        for index, table in enumerate(task.entry.outputs):
            missing = 3 - len(table.split("."))
            same = self._spec.qualified(table).lower()
            if (missing >= 1 and not project.get("catalog")) or (missing == 2 and not project.get("schema")):
                hint = "Write catalog.schema.table, or set catalog and schema in project.json."
                yield task.problem("outputs", f"'{table}' has no catalog or schema", hint, index)
            elif first := seen.get(same):
                message = (
                    f"'{table}' stands here twice"
                    if table == first
                    else f"'{table}' and '{first}' are one table"
                )
                yield task.problem("outputs", message, "Remove one of the two.", index)
            seen.setdefault(same, table)

    def _payload(self, task: Task) -> Iterator[Problem]:
        if task.entry.format is not None:
            yield task.problem("format", "format does not go with task", "Remove format, or remove task.")
        for key, message, hint in payload_faults(task.entry.task or {}):
            yield task.problem("task", message, hint, *key)


def _file_needs(task: Task) -> Iterator[Problem]:
    """Yield what the entry of a file lacks, or has in another form than its kind takes it."""
    entry = task.entry
    kinds = kinds_of(entry.format) if entry.format and entry.task is None else ()
    for key in {key: None for kind in kinds for key in kind.needs if not task.says(key)}:
        yield task.problem(key, f"{key} is missing, which {entry.format} needs", f'Add "{key}".')
    if entry.arguments and not any(kind.takes_arguments for kind in kinds):
        message = "parameters should be an object, is a list"
        yield task.problem("parameters", message, 'Write {"name": "value"}.')
