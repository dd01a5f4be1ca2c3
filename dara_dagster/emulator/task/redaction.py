"""Keeps secret values out of a task's output: a text stream that writes [REDACTED] in their place."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from typing import Any, TextIO

__all__ = ["RedactingStream", "Redactor"]

REDACTED = "[REDACTED]"


class Redactor:
    """The secret values a task has seen so far."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._values: list[str] = []
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """Redact a value from now on; blank ones and single characters would redact everything and are left
        out.
        """
        if len(value.strip()) > 1:
            with self._lock:
                # Longest first, or a secret that contains another would leave its rest behind.
                self._values = sorted({*self._values, value}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, REDACTED)
        return text


class RedactingStream(io.TextIOBase):
    """Passes text on to a stream, redacted; every write is flushed, so that a log can be followed."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor

    def write(self, text: str) -> int:
        self._stream.write(self._redactor.clean(text))
        self._stream.flush()
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def buffer(self) -> Any:
        return self._stream.buffer
