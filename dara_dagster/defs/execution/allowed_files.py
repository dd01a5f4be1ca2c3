"""Says which files of this computer a run may read when somebody else may have started it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dara_dagster.config.plan import Plan, WorkflowPlan
from dara_dagster.config.sql_placeholders import PLACEHOLDER
from dara_dagster.errors import FileError

__all__ = ["RECEIVED", "RESTRICT_VARIABLE", "check_local_file", "file_parameters", "may_read"]

# `dara serve` sets it for itself, and so for the processes that carry the runs it starts.
RESTRICT_VARIABLE = "DARA_RESTRICT_FILES"
# Where files that came with a request are kept, in the project's folder.
RECEIVED = Path(".dara", "uploads")
_FILE = ("file", "file_path")


def check_local_file(plan: Plan, path: str) -> None:
    """Raise FileError for a file that the run may not read, without revealing whether it is there.

    Only where runs are started by others, that is under `dara serve`.
    """
    if os.environ.get(RESTRICT_VARIABLE) and not may_read(plan, path):
        raise FileError(
            f"{path!r} may not be read by a run that `dara serve` starts: upload the file, or put it below a "
            "folder that project.json lists as upload_folders"
        )


def may_read(plan: Plan, path: str) -> bool:
    """Return whether the file (relative ones: from the project's folder) is one that callers may name.

    Those are the uploaded ones, those in the watched folders, those below `upload_folders` (links and `..`
    are followed first), and those that the workflows' own parameters name.
    """
    if any(
        workflow.options.parameters.get(name) == path
        for workflow in plan.workflows
        for name in file_parameters(workflow)
    ):
        return True
    try:
        real = Path(os.path.realpath(plan.root / path))
        return any(folder in real.parents for folder in _folders(plan))
    except (OSError, ValueError):
        return False


def file_parameters(workflow: WorkflowPlan) -> frozenset[str]:
    """Return the parameters of a step pipeline whose values are known to be local files."""
    texts = [step.settings.get("file") for step in workflow.steps if step.uses == "upload_file"]
    named = (name for text in texts if text for name in PLACEHOLDER.findall(str(text)))
    return frozenset((*_FILE, *named)) if workflow.steps else frozenset()


def _folders(plan: Plan) -> Iterator[Path]:
    sensors = (workflow.sensor for workflow in plan.workflows)
    watched = (Path(sensor.folder) for sensor in sensors if sensor is not None and sensor.folder)
    for folder in (plan.root / RECEIVED, *plan.upload_folders, *watched):
        yield Path(os.path.realpath(folder))
