"""What one step of a pipeline hands to the next, and the tools that a step has while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import OpExecutionContext
from pydantic import BaseModel, ConfigDict, PrivateAttr

from dara_dagster.config.plan import WorkflowPlan
from dara_dagster.config.sql_placeholders import PLACEHOLDER
from dara_dagster.defs.execution.allowed_files import check_local_file
from dara_dagster.defs.resources import WorkspaceSession
from dara_dagster.errors import DaraError

__all__ = ["StepContext", "StepTools"]


@dataclass(frozen=True)
class StepTools:
    """What a step may use while it runs: Dagster's context (log, run, instance) and the workspace."""

    dagster: OpExecutionContext
    session: WorkspaceSession
    workflow: WorkflowPlan | None


class StepContext(BaseModel):
    """What one step hands to the next; subclass it for fields of your own.

    `parameters` are those of the workflow under those of the run, `file` the file that started the run (the
    parameter `file_path`, as sensors set it, or `file`), `done` the names of the steps so far. `values` is
    what they left, each under its name (`row_count`) and with the step's name in front (`load.row_count`).
    A field of your own starts with the parameter of its name, if there is one.

    Between two steps it is pickled into Dagster's storage, and all but the parameters is shown as metadata
    and in the run's status, but for `SecretStr`s and texts under a name that ends in `password`, `token` or
    the like: hand on where a secret is kept, not the secret.
    """

    model_config = ConfigDict(extra="allow")

    parameters: dict[str, str] = {}
    file: str | None = None
    done: tuple[str, ...] = ()
    values: dict[str, Any] = {}

    _tools: StepTools | None = PrivateAttr(None)

    @property
    def tools(self) -> StepTools:
        """Return what the running step may use. Raises RuntimeError outside of a step."""
        if self._tools is None:
            raise RuntimeError("The tools of a StepContext are there only while a step is being executed")
        return self._tools

    def get(self, name: str) -> Any:
        """Return a field, a value or a parameter by that name, looked for in this order.

        Raises DaraError when there is none, naming what there is.
        """
        if name in type(self).model_fields and getattr(self, name) is not None:
            return getattr(self, name)
        for place in (self.model_extra or {}, self.values, self.parameters):
            if name in place:
                return place[name]
        own = type(self).model_fields.keys() - (StepContext.model_fields.keys() - {"file"})
        there = {field for field in own if getattr(self, field) is not None}
        known = sorted({*there, *(self.model_extra or {}), *self.values, *self.parameters})
        raise DaraError(f"The context has no {name!r}; it has {', '.join(known) or 'nothing yet'}.")

    def fill(self, value: Any) -> Any:
        """Return `value` with each `${context.NAME}` in it replaced; where that is all, its type is kept."""
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := PLACEHOLDER.fullmatch(value):
            return self.get(whole[1])
        return PLACEHOLDER.sub(lambda found: str(self.get(found[1])), value)

    def local_file(self, path: str) -> Path:
        """Return the path of a local file that somebody named in a parameter; from the project's folder.

        A run that `dara serve` starts may read uploaded files and those below the folders that project.json
        lists as upload_folders, whoever started it. Raises FileError for another.
        """
        plan = self.tools.session.plan
        check_local_file(plan, path)
        return plan.root / path

    def is_from_caller(self, text: str) -> bool:
        """Return whether a placeholder in it stands for what was given with the run, not for what a step
        left."""
        own = type(self).model_fields.keys() | (self.model_extra or {}).keys()
        return any(name in own or name not in self.values for name in PLACEHOLDER.findall(text))

    def leave(self, step: str, **values: Any) -> "StepContext":
        """Return a copy in which the step's values stand for those after it; None is left out."""
        kept = {name: value for name, value in values.items() if value is not None}
        named = {f"{step}.{name}": value for name, value in kept.items()}
        copy = self.model_copy(update={"values": {**self.values, **kept, **named}})
        copy._tools = self._tools
        return copy
