"""dbutils.fs on the folders behind /Volumes, dbfs:/ and /Workspace; a path without a scheme is DBFS'."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import NoReturn

from dara_dagster.emulator.lake.paths import PathMap

__all__ = ["FileInfo", "Files"]

_BaseInfo = namedtuple("_BaseInfo", ("path", "name", "size", "modificationTime"))


class FileInfo(_BaseInfo):
    """A file or folder (whose names end in `/`); size in bytes, time in epoch ms."""

    __slots__ = ()

    def isDir(self) -> bool:
        return bool(self.name.endswith("/"))

    def isFile(self) -> bool:
        return not self.isDir()


class Files:
    """Paths of results carry `dbfs:`, as on a cluster."""

    def __init__(self, paths: PathMap) -> None:
        self._paths = paths

    def _local(self, path: str) -> Path:
        return Path(self._paths.dbfs(str(path)))

    def _missing(self, path: str) -> NoReturn:
        hint = ""
        if path.startswith("/") and Path(path).exists() and Path(path) != self._local(path):
            hint = f". Paths without a scheme lie in DBFS; on this computer it is file:{path}."
        raise FileNotFoundError(f"No such file or directory: {path}{hint}")

    def ls(self, path: str) -> list[FileInfo]:
        folder = self._local(path)
        if not folder.exists():
            self._missing(path)
        base = path.rstrip("/") if path.startswith(("dbfs:", "file:")) else f"dbfs:{path.rstrip('/')}"
        if folder.is_file():
            return [_info(folder, base.rpartition("/")[0])]
        return [_info(entry, base) for entry in sorted(folder.iterdir())]

    def mkdirs(self, path: str) -> bool:
        self._local(path).mkdir(parents=True, exist_ok=True)
        return True

    def rm(self, path: str, recurse: bool = False) -> bool:
        place = self._local(path)
        if place.is_dir():
            if not recurse and any(place.iterdir()):
                raise OSError(f"Directory {path} is not empty: use dbutils.fs.rm(path, recurse=True).")
            shutil.rmtree(place)
        elif place.exists():
            place.unlink()
        else:
            return False
        return True

    def cp(self, source: str, target: str, recurse: bool = False) -> bool:
        old, new = self._local(source), self._local(target)
        if not old.exists():
            self._missing(source)
        if old.is_dir():
            if not recurse:
                raise OSError(f"{source} is a directory: use dbutils.fs.cp(from, to, recurse=True).")
            shutil.copytree(old, new, dirs_exist_ok=True)
        else:
            new = new / old.name if new.is_dir() or target.endswith("/") else new
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old, new)
        return True

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        self.cp(source, target, recurse)
        return self.rm(source, True)

    def put(self, path: str, contents: str, overwrite: bool = False) -> bool:
        file = self._local(path)
        if file.exists() and not overwrite:
            raise FileExistsError(
                f"{path} already exists: use dbutils.fs.put(file, contents, overwrite=True)."
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(contents)
        print(f"Wrote {len(contents.encode())} bytes.")
        return True

    def head(self, path: str, maxBytes: int = 65536) -> str:
        if not self._local(path).is_file():
            self._missing(path)
        with open(self._local(path), "rb") as file:
            return file.read(maxBytes).decode(errors="replace")

    def mounts(self) -> list[str]:
        return []

    def refreshMounts(self) -> bool:
        return True


def _info(place: Path, base: str) -> FileInfo:
    status = place.stat()
    end = "/" if place.is_dir() else ""
    size = 0 if end else status.st_size
    return FileInfo(f"{base}/{place.name}{end}", f"{place.name}{end}", size, int(status.st_mtime * 1000))
