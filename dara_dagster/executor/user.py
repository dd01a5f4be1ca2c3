"""The names under which the caller of a request goes with it, and with the run it starts."""

from __future__ import annotations

__all__ = ["USER_HEADER", "USER_TAG"]

USER_TAG = "dara/user"
# Set by the server's guard from what a proxy says; it removes one that comes from outside.
USER_HEADER = "x-dara-user"
