"""The folder where files wait until they are whole; what a killed server left in it is cleared away."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

UPLOAD = "upload-"
"""How the folder of an upload in parts begins; its client may resume it after a restart."""

_UPLOAD_SECONDS = 24 * 3600


def prepare_staging(folder: Path) -> Path:
    """Return the staging folder of a workspace's `folder`, on the same disk as all that is moved from it."""
    found = folder / "staging"
    found.mkdir(exist_ok=True)
    return found


def clear_staging(folder: Path) -> None:
    """Delete what nobody will come back for: single files, and uploads in parts that are a day old."""
    for left in folder.glob("*"):
        if not left.is_dir():
            left.unlink(missing_ok=True)
        elif not left.name.startswith(UPLOAD) or left.stat().st_mtime < time.time() - _UPLOAD_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
