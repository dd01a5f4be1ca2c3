"""The notebook context, the minimum: `dbutils.notebook.entry_point.getDbutils().notebook().getContext()`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dara_dagster.emulator.task.spec import TaskSpec

__all__ = ["Context", "EntryPoint", "Option"]


class Option:
    """A Scala Option as Python sees it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self) -> Any:
        return self._value

    def getOrElse(self, default: Any) -> Any:
        return default if self._value is None else self._value

    def isDefined(self) -> bool:
        return self._value is not None


class Tags:
    """The map of tags; `apply` and `get` as of a Scala map."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = dict(tags)

    def apply(self, key: str) -> str:
        return self._tags[key]

    def get(self, key: str) -> Option:
        return Option(self._tags.get(key))


class Context:
    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        self._tags = {
            "jobId": str(spec.job_id),
            "runId": str(spec.run_id),
            "currentRunId": str(spec.run_id),
            "multitaskParentRunId": str(spec.job_run_id),
            "jobRunId": str(spec.job_run_id),
            "rootRunId": str(spec.run_id),
            "taskKey": spec.task_key,
            "clusterId": spec.cluster_id or "",
            "user": spec.user,
        }

    def notebookPath(self) -> Option:
        return Option(self._spec.path)

    def apiUrl(self) -> Option:
        return Option(self._spec.host)

    def apiToken(self) -> Option:
        return Option(self._spec.token)

    def userName(self) -> Option:
        return Option(self._spec.user)

    def clusterId(self) -> Option:
        return Option(self._spec.cluster_id)

    def jobId(self) -> Option:
        return Option(str(self._spec.job_id))

    def currentRunId(self) -> Option:
        return Option(str(self._spec.run_id))

    def tags(self) -> Tags:
        return Tags(self._tags)

    def toJson(self) -> str:
        return json.dumps(
            {
                "rootRunId": {"id": self._spec.run_id},
                "currentRunId": {"id": self._spec.run_id},
                "tags": self._tags,
                "extraContext": {"notebook_path": self._spec.path, "api_url": self._spec.host},
            }
        )

    def safeToJson(self) -> str:
        return json.dumps({"attributes": {**self._tags, "notebook_path": self._spec.path}})


class EntryPoint:
    """Answers getDbutils().notebook().getContext(), each step of the chain."""

    def __init__(self, spec: TaskSpec) -> None:
        self._context = Context(spec)

    def getDbutils(self) -> EntryPoint:
        return self

    def notebook(self) -> EntryPoint:
        return self

    def getContext(self) -> Context:
        return self._context
