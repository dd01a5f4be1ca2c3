"""The exceptions that become an answer, or the lack of one."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than 2xx, in the wire shape of https://docs.databricks.com/api/workspace/introduction."""

    def __init__(self, status: int, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.reason = status, code, message, reason
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        body: dict[str, Any] = {"error_code": self.code, "message": self.message}
        if self.reason:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason}
            body["details"] = [info]
        return body


def invalid(message: str) -> ApiError:
    """Return the service's answer to a request of the wrong shape: 400 INVALID_PARAMETER_VALUE."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


class DropConnection(Exception):
    """No answer is to be given: the connection is cut, or left hanging until the client gives up."""

    def __init__(self, *, cut: bool) -> None:
        super().__init__()
        self.cut = cut
