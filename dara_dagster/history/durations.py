"""Says in words how long something took, and how many there are."""

from __future__ import annotations

__all__ = ["counted", "duration"]


def counted(number: int, noun: str) -> str:
    """Return number and word: `1 task`, `3 tasks`, `1,200 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Return `3.2 s`, `4 min 05 s` or `2 h 10 min`; "" for None."""
    if seconds is None:
        return ""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
