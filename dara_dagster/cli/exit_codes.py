"""How a command ends beside 0 (done), 1 (not done) and 2 (wrong arguments)."""

from __future__ import annotations

__all__ = ["INTERRUPTED"]

INTERRUPTED = 130  # as a shell calls the end by SIGINT: 128 + 2
