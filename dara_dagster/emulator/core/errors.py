"""The one exception that becomes an answer."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than 2xx, in the wire shape of databricks-api.md 1.5."""

    def __init__(self, status: int, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.reason = status, code, message, reason
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        body: dict[str, Any] = {"error_code": self.code, "message": self.message}
        if self.reason:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason}
            body["details"] = [info]
        return body
