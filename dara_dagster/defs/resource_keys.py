"""The keys of the resources that every job has; apart from them, so that reading history loads no SDK."""

from __future__ import annotations

__all__ = ["PARAMETERS", "WORKSPACE"]

PARAMETERS = "parameters"
WORKSPACE = "workspace"
