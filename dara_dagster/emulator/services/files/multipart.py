"""Uploads in parts and presigned URLs (Files API 2.0), with URLs that lead back to this server."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.core.staging import UPLOAD
from dara_dagster.emulator.services.files.rules import Files

_MAX_PARTS = 10_000


class Upload:
    """One upload in parts: a folder `upload-<token>` among the staged files, a file for each part."""

    def __init__(self, files: Files, token: str) -> None:
        known = token.isalnum() and len(token) == 32
        self.folder = files.prepare_staging() / f"{UPLOAD}{token}"
        if not known or not self.folder.is_dir():
            raise ApiError(404, "NOT_FOUND", "The upload session is not found.", "FILES_API_UPLOAD_NOT_FOUND")
        self._files = files

    @classmethod
    def begin(cls, files: Files, path: str, *, overwrite: bool) -> str:
        """Start an upload to `path` -> its session token. ApiError 409 when the file must not be written."""
        files.check_writable(path, overwrite=overwrite)
        token = uuid.uuid4().hex
        folder = files.prepare_staging() / f"{UPLOAD}{token}"
        folder.mkdir()
        (folder / "target").write_text(("+" if overwrite else "-") + path)
        return token

    def find_part(self, number: int) -> Path:
        """Return the file of a part."""
        if not 1 <= number <= _MAX_PARTS:
            raise invalid(f"A part number is 1 to {_MAX_PARTS}, got {number}.")
        return self.folder / f"part-{number}"

    def make_etag(self, number: int) -> str:
        """Distinguish this part from another of the same number; ApiError 400 for one that never came."""
        try:
            about = self.find_part(number).stat()
        except FileNotFoundError:
            raise invalid(f"Part {number} was not uploaded.") from None
        return f'"{about.st_mtime_ns:x}-{about.st_size:x}"'

    def complete(self, path: str, parts: Sequence[Any]) -> None:
        """Join the parts (`{part_number, etag}`) in order and put the file in place.

        Raises ApiError 400 for parts that are missing or not the ones uploaded, 409 as `place` does.
        """
        marked = (self.folder / "target").read_text()
        if marked[1:] != path or not parts:
            raise invalid("The upload session belongs to another file, or has no parts.")
        for part in parts:
            if self.make_etag(part["part_number"]) != part["etag"]:
                raise invalid(f"The etag of part {part['part_number']} is not that of its upload.")
        numbers = sorted({part["part_number"] for part in parts})
        whole = self.folder / "whole"
        self.find_part(numbers[0]).rename(whole)
        with whole.open("ab") as out:
            for number in numbers[1:]:
                with self.find_part(number).open("rb") as one:
                    shutil.copyfileobj(one, out, 1024 * 1024)
                self.find_part(number).unlink()
        self._files.place(whole, path, overwrite=marked[0] == "+")
        self.abort()

    def abort(self) -> None:
        """Forget the upload and its parts."""
        shutil.rmtree(self.folder, ignore_errors=True)
