"""Says in words how long something took."""

from __future__ import annotations

__all__ = ["duration"]


def duration(seconds: float | None) -> str:
    """`3.2 s`, `4 min 05 s`, `2 h 10 min`; nothing for None."""
    if seconds is None:
        return ""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
