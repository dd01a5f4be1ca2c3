"""The step `upload_file`."""

from __future__ import annotations

import re

from dara_dagster.config.dialects import step_models
from dara_dagster.defs.steps.built_in import BuiltIn
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.errors import DaraError
from dara_dagster.workspace.calls import API_ERRORS
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.volumes import ensure_volume, size_of, upload_to_volume

_IN_VOLUME = re.compile(r"/Volumes(/[^/]+){4,}\Z")


class UploadFile(BuiltIn[step_models.UploadFile]):
    """Uploads a local file to a volume and leaves `path`, `file_name` and `bytes`."""

    name = "upload_file"

    def execute(self, context: StepContext) -> StepContext:
        """Stream the file (default: the one that started the run) to `to`, or into it if it ends with `/`."""
        settings, tools = self.settings, context.tools
        source, to = context.fill(settings.file) or context.file, str(context.fill(settings.to))
        if not source:
            raise DaraError("no file to upload: give the step a file, or the run the parameter `file`")
        is_given = settings.file is None or context.is_from_caller(settings.file)
        local = context.local_file(source) if is_given else tools.session.plan.root / source
        remote = to + local.name if to.endswith("/") else to
        if not _IN_VOLUME.match(remote):
            raise DaraError(f"{remote} is no file in a volume: write /Volumes/catalog/schema/volume/file")
        if not settings.overwrite and _is_there(tools.session.workspace, remote):
            raise DaraError(f"{remote} is there already, and the step says not to overwrite it.")

        def progress(sent: int, size: int) -> None:
            tools.dagster.log.info(f"{local.name}: {sent:,} of {size:,} bytes uploaded")

        ensure_volume(tools.session.workspace, remote)
        size = upload_to_volume(tools.session.workspace, local, remote, progress=progress)
        name = remote.rpartition("/")[2]
        return context.leave(self.name, path=remote, file_name=name, bytes=size)


def _is_there(ws: Workspace, remote: str) -> bool:
    try:
        size_of(ws, remote)
    except API_ERRORS:  # whatever else it was, the upload will meet it and say so
        return False
    return True
