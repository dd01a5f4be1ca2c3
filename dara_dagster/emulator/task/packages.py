"""Installs Python packages for one task: `%pip install`, its libraries, the dependencies of its environment.

They go into a folder of their own beside the tables, named by what was asked for and by the content of the
files among it, so that the same request is installed once. Packages of this Python are not changed: they are
constraints, so that what is loaded already and what is installed fit together.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dara_dagster.emulator.lake.paths import PathMap
from dara_dagster.emulator.lake.store import Store

__all__ = ["InstallError", "Installer"]

_OPTIONS_WITH_FILE = {"-r", "--requirement", "-c", "--constraint", "-f", "--find-links"}
_OPTIONS_WITH_VALUE = {"-i", "--index-url", "--extra-index-url", "--trusted-host"} | _OPTIONS_WITH_FILE
_NO_EFFECT = {
    "-q",
    "--quiet",
    "-v",
    "--verbose",
    "-U",
    "--upgrade",
    "--force-reinstall",
    "--no-cache-dir",
    "--user",
}
_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


class InstallError(RuntimeError):
    """Packages could not be installed; the text is one line."""


class Installer:
    """Installs into folders below the store and makes them importable in this process."""

    def __init__(self, store: Store, paths: PathMap) -> None:
        self._root = store.root / ".packages"
        self._lock = store.lock
        self._paths = paths

    def install(self, arguments: Sequence[str]) -> list[str]:
        """Install what `pip install` would for these arguments; returns the requirements that were not there
        yet.

        Raises InstallError in one line for what cannot be found, built or used beside this Python's packages.
        """
        given = self._local(arguments)
        if not [one for one in given if not _is_there(one)]:
            return []
        folder = self._root / _key(given)
        with self._lock(folder):
            if not folder.is_dir():
                self._fill(folder, given)
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        return [one for one in given if not one.startswith("-")]

    def _local(self, arguments: Sequence[str]) -> list[str]:
        """Return the arguments with paths on this disk, and without options that make no difference here."""
        given: list[str] = []
        before = ""
        for argument in arguments:
            name, equals, value = argument.partition("=")
            if argument in _NO_EFFECT:
                continue
            if equals and name in _OPTIONS_WITH_VALUE:
                given += [name, self._paths.local(value)]
            elif argument.startswith("-") and argument not in _OPTIONS_WITH_VALUE:
                raise InstallError(
                    f"pip's option {argument} has no meaning in the local workspace: leave it out."
                )
            else:
                given.append(
                    self._paths.notebook(argument) if _is_home(argument) else self._paths.local(argument)
                )
                if (before in _OPTIONS_WITH_FILE or _is_file(argument)) and "://" not in argument:
                    self._check(argument, given[-1])
            before = argument
        return given

    def _check(self, written: str, local: str) -> None:
        if not Path(local.partition("[")[0]).exists():
            raise InstallError(f"There is no file {written}.")

    def _fill(self, folder: Path, given: Sequence[str]) -> None:
        draft = folder.with_name(f".{uuid.uuid4().hex}")
        draft.mkdir(parents=True)
        constraints = draft / "constraints.txt"
        own = {_project(one) for one in given}
        installed = {one.name: one.version for one in importlib.metadata.distributions()}
        constraints.write_text(
            "".join(f"{name}=={v}\n" for name, v in installed.items() if canonicalize_name(name) not in own)
        )
        try:
            target = draft / "packages"
            command = [*_tool(), "--target", str(target), "--constraint", str(constraints), *given]
            done = subprocess.run(
                command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
            )
            if done.returncode:
                raise InstallError(_reason(done.stderr or done.stdout, given))
            target.mkdir(exist_ok=True)
            target.replace(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _tool() -> list[str]:
    """Return uv when it is there (it is quicker), else pip."""
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--no-progress", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]
    raise InstallError("Packages cannot be installed: neither uv nor pip is there. Run: pip install uv")


def _is_home(argument: str) -> bool:
    """Return whether it is a workspace path without /Workspace."""
    return argument.startswith(("/Users/", "/Shared/", "/Repos/"))


def _is_file(argument: str) -> bool:
    return argument.partition("[")[0].endswith((".whl", ".tar.gz", ".zip")) and "@" not in argument


def _is_there(argument: str) -> bool:
    """Return whether this Python has what a requirement asks for."""
    try:
        wanted = Requirement(argument)
        have = importlib.metadata.version(wanted.name)
    except (InvalidRequirement, importlib.metadata.PackageNotFoundError):
        return False
    return not wanted.url and not wanted.extras and wanted.specifier.contains(have, prereleases=True)


def _project(argument: str) -> str:
    """Return the normalised name of the project in a wheel's file name; '' for anything else."""
    file = Path(argument.partition("[")[0])
    return canonicalize_name(file.name.partition("-")[0]) if file.suffix == ".whl" else ""


def _key(given: Sequence[str]) -> str:
    """Return the key of a set of packages: the Python, the arguments, and what is in the files among them."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {shlex.join(given)}".encode())
    for argument in given:
        file = Path(argument.partition("[")[0])
        if argument.startswith("/") and file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:32]


def _reason(output: str, given: Sequence[str]) -> str:
    """Return the error of uv or pip on one line, without the passwords of an index."""
    words = " ".join(output.replace("╰─▶", "").replace("×", "").replace("│", "").split())
    words = _IN_URL.sub("", words).removeprefix("error: ").removeprefix("ERROR: ").replace(" cause: ", ": ")
    what = " ".join(os.path.basename(one) if one.startswith("/") else _IN_URL.sub("", one) for one in given)  # noqa: PTH119
    return f"Could not install {what}: {words[:600] or 'no reason was given'}"
