"""Gives a run that was not launched through Dagster's UI the origin by which the UI knows its job.

Dagster's Timeline, its page of jobs and re-execution find runs by their code location. `execute_job` and
`dagster job execute` leave it out of the runs they make (Dagster 1.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, RunsFilter
from dagster._core.code_pointer import CodePointer, FileCodePointer, ModuleCodePointer, PackageCodePointer
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    CodeLocationOrigin,
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import PyProjectFileTarget, WorkspaceFileTarget

__all__ = ["PROJECT_TAG", "SERVED_CODE", "WORKFLOW_TAG", "give_origin"]

PROJECT_TAG, WORKFLOW_TAG = "dara/project", "dara/workflow"
CODE_LOCATION_TAG = "dagster/code_location"
"""Dagster sets it itself from 1.13 on."""
SERVED_CODE = "served.py"
"""In Dagster's home: what `dara serve` loads for a project without a workspace.yaml."""


def give_origin(instance: DagsterInstance, run_id: str, job: object, project: Path | None) -> None:
    """Record in the run, which has no origin yet, the code location of the folder `project` that has its job.

    No code is loaded for it. Where the location is not known, or the storage cannot record it, the run
    stays as it is.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.remote_job_origin is not None:
        return
    repository = _repository(instance, run, job, project)
    if repository is None:
        return
    # The tags first: replacing the origin only updates the tag of the repository where there is one.
    location = repository.code_location_origin.location_name
    instance.add_run_tags(run_id, {REPOSITORY_LABEL_TAG: repository.get_label(), CODE_LOCATION_TAG: location})
    run = instance.get_run_by_id(run_id)
    if run is not None:
        with suppress(NotImplementedError):
            instance.run_storage.replace_job_origin(run, repository.get_job_origin(run.job_name))


def _repository(
    instance: DagsterInstance, run: DagsterRun, job: object, project: Path | None
) -> RemoteRepositoryOrigin | None:
    """Return the repository of the run's job: by the code it was loaded from, else by its project."""
    locations = _locations(instance, project)
    loaded = job.repository if isinstance(job, ReconstructableJob) else None
    if loaded is None or _target(loaded.pointer) is None:  # made from the project's files: it names no code
        if len(locations) == 1:
            return RemoteRepositoryOrigin(locations[0], SINGLETON_REPOSITORY_NAME)
        return _repository_before(instance, run, [each.location_name for each in locations])
    same = [each for each in locations if _is_same(each, loaded.pointer)]
    if same or len(locations) == 1:
        return RemoteRepositoryOrigin((same or locations)[0], _name(loaded))
    return None if locations else RemoteRepositoryOrigin(_location_of(loaded.pointer), _name(loaded))


def _locations(instance: DagsterInstance, project: Path | None) -> Sequence[CodeLocationOrigin]:
    """Return what Dagster loads in the project's folder, else what `dara serve` loads."""
    if project is None:
        return []
    targets = {"workspace.yaml": _workspace, "pyproject.toml": PyProjectFileTarget}
    for file, target in ((project / name, target) for name, target in targets.items()):
        if file.is_file():
            try:
                origins = target(str(file)).create_origins()
            except Exception:  # where Dagster loads it, it says what is wrong with it
                return []
            if origins:
                return list(origins)
    if not instance.is_persistent:
        return []
    served = Path(instance.root_directory, SERVED_CODE)
    target_origin = LoadableTargetOrigin(python_file=str(served), working_directory=str(project))
    return [ManagedGrpcPythonEnvCodeLocationOrigin(target_origin)]


def _workspace(file: str) -> WorkspaceFileTarget:
    return WorkspaceFileTarget([file])


def _repository_before(
    instance: DagsterInstance, run: DagsterRun, locations: list[str]
) -> RemoteRepositoryOrigin | None:
    """Return the repository of the project's latest run in one of these code locations."""
    project = run.tags.get(PROJECT_TAG)
    if not project or not locations:
        return None
    tags = {PROJECT_TAG: project, CODE_LOCATION_TAG: locations}
    before = next(iter(instance.get_runs(RunsFilter(tags=tags), limit=1)), None)
    return before.remote_job_origin.repository_origin if before and before.remote_job_origin else None


def _name(loaded: ReconstructableRepository) -> str:
    return str(loaded.get_definition().name)


def _target(pointer: CodePointer) -> tuple[str, str] | None:
    """Return what kind of thing the pointer leads to, and which."""
    if isinstance(pointer, (ModuleCodePointer, PackageCodePointer)):
        return "module", pointer.module
    if isinstance(pointer, FileCodePointer):
        return "file", _absolute(pointer.python_file, pointer.working_directory)
    return None


def _is_same(location: CodeLocationOrigin, pointer: CodePointer) -> bool:
    if not isinstance(location, ManagedGrpcPythonEnvCodeLocationOrigin):
        return False
    origin = location.loadable_target_origin
    if origin.python_file:
        file = _absolute(origin.python_file, origin.working_directory)
        return _target(pointer) == ("file", file)
    return _target(pointer) == ("module", origin.module_name or origin.package_name)


def _absolute(file: str, folder: str | None) -> str:
    return str(Path(folder or "", file).resolve())


def _location_of(pointer: CodePointer) -> CodeLocationOrigin:
    """Return the location that `dagster dev` makes of the same option (`-m` or `-f`)."""
    kind, name = _target(pointer) or ("", "")
    target = LoadableTargetOrigin(
        module_name=name if kind == "module" else None, python_file=name if kind == "file" else None
    )
    return ManagedGrpcPythonEnvCodeLocationOrigin(target)
