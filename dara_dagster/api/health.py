"""Tells whether a run that is asked for now would start."""

from __future__ import annotations

import time

from dara_dagster.api.models import ApiError, Health
from dara_dagster.api.project import Project

__all__ = ["check_health"]

# The daemon writes down every 30 s that it is there (dagster/_daemon/controller.py).
_SILENCE_SECONDS = 90.0


def check_health(project: Project) -> Health:
    """Check the code and the daemon's last heartbeat; starts nothing."""
    try:
        code = project.has_code()
    except ApiError:
        code = False
    beats = project.instance.get_daemon_heartbeats().values()
    daemon = any(time.time() - beat.timestamp < _SILENCE_SECONDS for beat in beats)
    return Health(status="ok" if code and daemon else "degraded", code=code, daemon=daemon)
