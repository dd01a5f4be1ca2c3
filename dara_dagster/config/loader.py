"""Finds and reads the user's files, puts the variables in, and gives the spec with every problem met."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from dara_dagster.config.compute_models import ClusterSettings, WarehouseSettings, plain_settings
from dara_dagster.config.dependency_file import PLACES, find_dependency_file
from dara_dagster.config.dialects.level_models import open_properties
from dara_dagster.config.dialects.workflows import read_workflow
from dara_dagster.config.fields import CONTROL_CHARACTER, name_fault
from dara_dagster.config.json_source import Document
from dara_dagster.config.kinds import ComputeKind
from dara_dagster.config.models import Project
from dara_dagster.config.parameters import Parameters, read_parameter_files, read_parameters
from dara_dagster.config.source_files import read_document, read_object
from dara_dagster.config.spec import Compute, Spec, Workflow
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.config.task_files import AssumedSources, Sources, is_folder
from dara_dagster.config.validation import read_model
from dara_dagster.config.variables import Variables
from dara_dagster.errors import Problem

_COMPUTE_FILES: Mapping[ComputeKind, str] = {
    "cluster": "cluster_config.json",
    "warehouse": "warehouse_config.json",
}
_WORKSPACES: tuple[Literal["emulator"], Literal["databricks"]] = ("emulator", "databricks")
_WAREHOUSE_NAME_LENGTH = 99  # "name ... must be less than 100 characters" (SQL Warehouses API, create)


def load(config_dir: Path | str, environ: Mapping[str, str] = os.environ) -> Spec:
    """Read all files of the folder; wrong files never raise, they become `Spec.problems`.

    `environ` gives DARA_ENV (which parameters-<env>.json lies over parameters.json), DARA_WORKSPACE
    (over project.json's workspace) and `${env.NAME}`.
    """
    folder = Path(config_dir)
    read = read_parameters(folder, environ)
    problems = list(read.problems)
    here = Path(os.path.realpath(folder))  # resolve() raises for links that lead in a circle
    if not is_folder(here):
        hint = "Name the folder that holds dependency.json (--config DIR)."
        problems.append(Problem(folder, 0, "", "there is no such folder", hint))
    document, project = _read_project(folder, read.variables, problems)
    root = here.parent
    name = project.name or root.name or "project"
    if project.name is None and (message := name_fault(name)):
        hint = 'Write "name" into project.json, or rename the folder.'
        problems.append(
            document.problem(("name",), f"the project is called after its folder: {message}", hint)
        )
        name = "project"
    if project.name is None and (environ.get("DARA_WORKSPACE") or project.workspace) == "databricks":
        message = "a project on Databricks needs a name: its folder's may be that of another project too"
        hint = f'Write "name": "{root.name}", or another that no other project of yours has.'
        problems.append(document.problem(("name",), message, hint))
    problems += _yaml_files(folder)
    before = len(problems)
    main, found = find_dependency_file(folder, project.dependency, document)
    problems += found
    files = [*([(main, name)] if main else []), *_workflow_files(folder / "workflows", problems)]
    workflows = _read_workflows(files, read, problems)
    if not workflows and len(problems) == before and is_folder(here):
        problems.append(Problem(folder, 0, "", "there is no workflow", PLACES))
    sources = Sources(_notebooks(project, folder, root))
    return _spec(folder, here, name, (document, project), sources, workflows, read, environ, problems)


def load_file(
    file: Path, *, parameters: Sequence[Path], folder: Path, environ: Mapping[str, str] = os.environ
) -> Spec:
    """Return one workflow file outside of a project; as `load`, wrong files become `Spec.problems`.

    `parameters` are the parameters files, later ones over the ones before; DARA_ENV does not count.
    cluster_config.json, warehouse_config.json, project.json and, without `parameters`, parameters.json are
    read in `folder` if they are there. Task files are read only where project.json says where they are.
    """
    read = read_parameter_files(parameters or [folder / "parameters.json"], environ)
    missing = (path for path in parameters if not os.path.lexists(path))
    problems = [
        *(Problem(path, 0, "", "there is no such file", "Name a parameters file.") for path in missing),
        *read.problems,
    ]
    document, project = _read_project(folder, read.variables, problems)
    workflows = _read_workflows([(file, file.stem)], read, problems)
    name = project.name or (workflows[0].name if workflows else file.stem)
    here = Path(os.path.realpath(folder))
    notebooks = Path(os.path.realpath(folder / (project.notebooks or "notebooks")))
    sources = Sources(notebooks) if project.notebooks else AssumedSources(notebooks)
    return _spec(folder, here, name, (document, project), sources, workflows, read, environ, problems)


def _spec(
    folder: Path,
    here: Path,
    name: str,
    project: tuple[Document, Project],
    sources: Sources,
    workflows: tuple[Workflow, ...],
    read: Parameters,
    environ: Mapping[str, str],
    problems: list[Problem],
) -> Spec:
    document, values = project
    return Spec(
        name=name,
        root=here.parent,
        config_dir=here,
        workspace=_workspace(values, document, environ, problems),
        project=values,
        project_document=document,
        sources=sources,
        computes=(
            *_read_computes("cluster", folder, read.variables, problems),
            *_read_computes("warehouse", folder, read.variables, problems),
        ),
        executors=read.executor_tasks,
        workflows=workflows,
        problems=tuple(problems),
        unfilled=read.variables.unfilled,
        from_environment=read.variables.redactions,
    )


def _yaml_files(folder: Path) -> Iterator[Problem]:
    """Yield a problem for each YAML file that stands where a JSON file is read."""
    known = ("project", "dependency", "cluster_config", "warehouse_config", "parameters")
    for file in sorted([*folder.glob("*.y*ml"), *(folder / "workflows").glob("*.y*ml")]):
        name = file.stem.partition("-")[0]
        if file.suffix in (".yaml", ".yml") and (file.parent != folder or name in known):
            yield Problem(file, 0, "", "YAML is not read", f"Write it as JSON: {file.stem}.json.")


def _read_project(folder: Path, variables: Variables, problems: list[Problem]) -> tuple[Document, Project]:
    document, found = read_object(folder / "project.json")
    problems += found + variables.fill(document)
    project, found = read_model(Project, document.value, document, ())
    problems += found
    return document, project or Project()


def _workspace(
    project: Project, document: Document, environ: Mapping[str, str], problems: list[Problem]
) -> Literal["emulator", "databricks"]:
    chosen = environ.get("DARA_WORKSPACE")
    if not chosen:
        return project.workspace
    for known in _WORKSPACES:
        if chosen == known:
            return known
    hint = Suggestions(_WORKSPACES).hint(chosen, "workspaces")
    problems.append(document.problem(("workspace",), f"DARA_WORKSPACE is '{chosen}'", hint))
    return project.workspace


def _notebooks(project: Project, folder: Path, root: Path) -> Path:
    """Return what project.json says, else `notebooks` in the project's folder or in its Dagster package."""
    if project.notebooks is not None:
        return Path(os.path.realpath(folder / project.notebooks))
    package = root / "dagster_project" / "notebooks"
    return package if is_folder(package) and not is_folder(root / "notebooks") else root / "notebooks"


def _read_computes(
    kind: ComputeKind, folder: Path, variables: Variables, problems: list[Problem]
) -> tuple[Compute, ...]:
    document, found = read_object(folder / _COMPUTE_FILES[kind])
    problems += found + variables.fill(document)
    computes: list[Compute] = []
    for name, value in document.value.items():
        if name != "$schema":
            compute = Compute(kind, name, _settings(kind, name, value, document, problems), document)
            problems += _name_problems(compute)
            computes.append(compute)
    return tuple(computes)


def _settings(
    kind: ComputeKind, name: str, value: Any, document: Document, problems: list[Problem]
) -> Mapping[str, Any]:
    """Return the settings for the create call; wrong ones are reported here and count as none."""
    model = ClusterSettings if kind == "cluster" else WarehouseSettings
    settings, found = read_model(model, value, document, (name,))
    problems += found
    return plain_settings(settings) if settings else {}


def _name_problems(compute: Compute) -> list[Problem]:
    name, key = compute.name, "cluster_name" if compute.kind == "cluster" else "name"
    problems: list[Problem] = []
    if not name.strip() or name != name.strip() or CONTROL_CHARACTER.search(name):
        message = "the name is empty, or has spaces around it or a control character in it"
        problems.append(compute.problem(message, "Write a name."))
    if compute.kind == "warehouse" and len(name) > _WAREHOUSE_NAME_LENGTH:
        message = f"the name has {len(name)} characters; the API takes fewer than 100"
        problems.append(compute.problem(message, "Shorten it."))
    if compute.settings.get(key, name) != name:
        message = f"{key} differs from the name '{name}' it stands under"
        problems.append(compute.document.problem((name, key), message, f"Remove {key}."))
    return problems


def _read_workflows(
    files: Iterable[tuple[Path, str]], parameters: Parameters, problems: list[Problem]
) -> tuple[Workflow, ...]:
    """Return the workflows of the files, each with the name that it has when it says none."""
    workflows: list[Workflow] = []
    for file, name in files:
        document, found = read_document(file)
        problems += found
        if document:
            problems += open_properties(document) + parameters.variables.fill(document)
            workflow, found = read_workflow(document, name, parameters.executors)
            problems += found
            workflows += [workflow] if workflow else []
    return tuple(workflows)


def _workflow_files(folder: Path, problems: list[Problem]) -> list[tuple[Path, str]]:
    """Return the JSON files of the folder, if there is one; hidden ones are an editor's or a system's own."""
    if not os.path.lexists(folder):
        return []
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        message = f"the folder cannot be read: {error.strerror or error}"
        problems.append(Problem(folder, 0, "", message, "Make it a folder that you may read."))
        return []
    return [(file, file.stem) for file in files if file.suffix == ".json" and not file.name.startswith(".")]
