"""dbutils.notebook: exit with a value, and runs of other notebooks as runs of their own on the workspace."""

from __future__ import annotations

import json
import posixpath
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from dara_dagster.emulator.task.dbutils.context import EntryPoint
from dara_dagster.emulator.task.spec import TaskSpec

__all__ = ["NotebookExit", "NotebookRunError", "Notebooks", "resolve_notebook"]

_ROUTE = "/__emulator/notebook-runs"
_WAIT_SECONDS = 20
_LOST_AFTER_SECONDS = 30.0


class NotebookExit(BaseException):
    """Ends a notebook with success. Not an Exception, so that `except Exception` around a call does not
    swallow it.
    """

    def __init__(self, value: str) -> None:
        self.value = value
        super().__init__(value)


class NotebookRunError(RuntimeError):
    """A called notebook failed, was cancelled or took longer than allowed."""


def resolve_notebook(path: str, caller: str) -> str:
    """Return the absolute workspace path of a notebook named by another one: `./x` and `x` are beside the
    caller."""
    absolute = path if path.startswith("/") else posixpath.join(posixpath.dirname(caller), path)
    return posixpath.normpath(absolute)


class Notebooks:
    def __init__(self, spec: TaskSpec, entry_point: EntryPoint) -> None:
        self._spec = spec
        self.entry_point = entry_point

    def exit(self, value: Any = "") -> None:
        raise NotebookExit(str(value))

    def getContext(self) -> Any:
        return self.entry_point.getDbutils().notebook().getContext()

    def run(self, path: str, timeout_seconds: int = 0, arguments: Mapping[str, Any] | None = None) -> str:
        """Run a notebook and returns its exit value ('' without one); `timeout_seconds` 0 means none.

        Safe to call from several threads. Raises NotebookRunError when it fails, with its error and
        traceback.
        """
        target = resolve_notebook(path, self._spec.path)
        body = {
            "parent_run_id": self._spec.run_id,
            "path": target,
            "arguments": {name: str(value) for name, value in (arguments or {}).items()},
            "timeout_seconds": int(timeout_seconds),
        }
        run_id = self._call("POST", _ROUTE, body)["run_id"]
        while True:
            answer = self._call("GET", f"{_ROUTE}/{run_id}?wait={_WAIT_SECONDS}")
            if answer.get("done"):
                return self._value(target, answer)

    def _value(self, path: str, answer: Mapping[str, Any]) -> str:
        if answer.get("ok"):
            return str(answer.get("exit_value") or "")
        error = answer.get("error") or "no error was given"
        text = f"FAILED: Workload failed, see run output for details. Notebook {path}: {error}"
        if answer.get("error_trace"):
            text += f"\n\n{answer['error_trace']}"
        raise NotebookRunError(text)

    def _call(self, method: str, route: str, body: Any = None) -> dict[str, Any]:
        """Make one call of the workspace; a GET is repeated for a while when the answer is lost."""
        request = urllib.request.Request(  # noqa: S310  the workspace's own address
            self._spec.host.rstrip("/") + route,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._spec.token}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        give_up = time.monotonic() + _LOST_AFTER_SECONDS
        while True:
            try:
                with opener.open(request, timeout=_WAIT_SECONDS + 40) as answer:
                    content: dict[str, Any] = json.load(answer)
                    return content
            except urllib.error.HTTPError as error:
                raise NotebookRunError(_refusal(error)) from None
            except OSError as error:
                if method != "GET" or time.monotonic() > give_up:
                    raise NotebookRunError(f"The local workspace does not answer: {error}") from None
                time.sleep(0.5)


def _refusal(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        content = json.loads(text)
        return f"{content.get('error_code', error.code)}: {content.get('message', text)}"
    except ValueError:
        return f"HTTP {error.code}: {text[:500]}"
