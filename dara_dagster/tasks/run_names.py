"""The name of a one-time run: which project, workflow, task and Dagster run it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_MARK = re.compile(
    r"dara:(?P<project>[^/]*)/(?P<workflow>[^/]*)/(?P<task>[^/]*) "
    r"\[(?P<run>[^\]@]*)(?:@(?P<instance>[^\]]*))?\]"
)
_LONGEST_NAME = 100  # characters of one part, up to 12 bytes each when escaped; run_name takes 4096 bytes


@dataclass(frozen=True)
class RunMark:
    """What a run's name tells about where it comes from.

    `instance` is the id of the Dagster history that has the Dagster run, "" in names of earlier versions.
    """

    project: str
    workflow: str
    task: str
    dagster_run_id: str
    instance: str


def run_name(project: str, workflow: str, task: str, dagster_run_id: str, instance: str) -> str:
    """Return `dara:<project>/<workflow>/<task> [<run id>@<instance>]`, each part with `/` and the like
    escaped.

    The name is all that a one-time run can carry and a list of runs gives back: it takes no tags.
    https://docs.databricks.com/api/workspace/jobs/submit
    """
    parts = [quote(part[:_LONGEST_NAME], safe=" ") for part in (project, workflow, task)]
    return f"dara:{'/'.join(parts)} [{dagster_run_id}@{instance}]"


def parse_run_name(name: str) -> RunMark | None:
    """Return the mark in a run's name, None when it is not one of ours."""
    found = _MARK.fullmatch(name)
    if not found:
        return None
    project, workflow, task = (unquote(found[part]) for part in ("project", "workflow", "task"))
    return RunMark(project, workflow, task, found["run"], found["instance"] or "")
