"""dbutils.library: packages are those of the local Python, so there is nothing to install or restart."""

from __future__ import annotations

__all__ = ["Library"]


class Library:
    def restartPython(self) -> None:
        """Do nothing: nothing was installed that would need a new process."""
