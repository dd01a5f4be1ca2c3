"""Every error this library raises on purpose.

DaraError                    its text is meant for the user: what is wrong and what to do
├── ConfigError              the files are wrong; carries every problem found
├── WorkspaceError           the Databricks workspace (or the emulator) cannot be used
│   ├── UnreachableError     no answer at that address
│   ├── CredentialsError     no credentials, or refused ones
│   └── EmulatorError        the local workspace could not be started or has died
├── ComputeError             a cluster or warehouse cannot be made to match its settings
├── DeployError              a workflow cannot be a saved job, or the job cannot be written
├── FileError                a file cannot be read, uploaded or found
└── RunError                 a Databricks run could not be submitted, watched or cancelled
    ├── RunGoneError         the run was deleted or is older than Databricks keeps
    └── RunLostError         no answer about a run for longer than `lost_after_seconds`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ComputeError",
    "ConfigError",
    "CredentialsError",
    "DaraError",
    "DeployError",
    "EmulatorError",
    "FileError",
    "Problem",
    "RunError",
    "RunGoneError",
    "RunLostError",
    "UnreachableError",
    "WorkspaceError",
    "shortened",
]

_LONGEST_SHOWN = 200  # characters of one value in a message


class DaraError(Exception):
    """Base of all errors whose text is written for the user."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in the user's files.

    `file` is the file as the user would name it, `line` counts from 1 (0: the file as a whole),
    `key` is the path of the value (`tasks[3].dependent_on`), `message` says what is wrong and
    `hint` what to do about it. As text it is one line, in which nothing is invisible.
    """

    file: Path
    line: int
    key: str
    message: str
    hint: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        key = f" {shortened(self.key)}:" if self.key else ""
        return _printable(f"{place}:{key} {self.message}. {self.hint}")


def shortened(text: str) -> str:
    """Return the text, without its middle when it is longer than 200 characters."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:100]} ... {text[-50:]}"


def _printable(text: str) -> str:
    """Return the text on one line, every character that would not be seen (or steer a terminal) as its
    escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class ConfigError(DaraError):
    """The user's files cannot be used; `problems` holds everything found, not the first only."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WorkspaceError(DaraError):
    """The workspace cannot be used."""


class UnreachableError(WorkspaceError):
    """Nothing answers at the workspace's address."""


class CredentialsError(WorkspaceError):
    """No credentials were found, or the workspace refused them."""


class EmulatorError(WorkspaceError):
    """The local workspace could not be started, or has died."""


class ComputeError(DaraError):
    """A cluster or warehouse cannot be made to match its settings."""


class DeployError(DaraError):
    """A workflow cannot be published as a saved job, or that job cannot be read, written or identified."""


class FileError(DaraError):
    """A file cannot be read, uploaded or found."""


class RunError(DaraError):
    """A Databricks run could not be submitted, watched or cancelled."""


class RunGoneError(RunError):
    """The run was deleted, or is older than the 60 days Databricks keeps runs."""


class RunLostError(RunError):
    """No poll of the run succeeded for longer than `lost_after_seconds`; it may still be running."""
