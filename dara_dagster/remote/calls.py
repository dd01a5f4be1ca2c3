"""Turns one API call into a parsed answer, and what can go wrong with it into words for the user."""

from __future__ import annotations

import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from databricks.sdk.clock import Clock
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import InternalError, TooManyRequests, Unauthenticated
from requests.adapters import HTTPAdapter

from dara_dagster.errors import CredentialsError, DaraError
from dara_dagster.remote.caller import CallerTokenEnded, caller_token

if TYPE_CHECKING:
    from dara_dagster.remote.client import Workspace

# What a call through the SDK raises: its own errors, builtin TimeoutError when its retries run out, and
# what `requests` says where the SDK does not retry (an answer that is no JSON, a stream that broke).
API_ERRORS = (DatabricksError, TimeoutError, requests.RequestException)

# A gateway's words for "the service did not answer"; the SDK retries a lost answer but not these.
_NO_ANSWER = frozenset((408, 502, 504))
_LONGEST_MESSAGE = 600
# It ends a message with its configuration, or (when the answer is no error of the API) with all it sent.
_NOTES_OF_THE_SDK = re.compile(r"[.\s]+(?=(?:Config|Env): |This is likely a bug in the Databricks SDK)")
# A look is answered within a second or so; one that hangs must not hide the end of a run for longer.
_LOOKS = ("/jobs/runs/get?", "/jobs/runs/list?")
_LOOK_SECONDS = 10.0
# More than this is asked for by mistake, or by a page for people: nobody is to be blind for an hour.
_LONGEST_AFTER = 300.0

_mode = threading.local()


class TryLater(Exception):
    """The call may do better later: raised instead of a wait inside `one_try`, from the error itself.

    `after` is the number of seconds the service asked for (0 where it asked for none, five minutes at
    most); `throttled` tells "you ask too much" (429) from a fault.
    """

    def __init__(self, error: BaseException) -> None:
        self.after = min(float(getattr(error, "retry_after_secs", None) or 0), _LONGEST_AFTER)
        self.throttled = isinstance(error, TooManyRequests)
        super().__init__(explain(error))


class PatientClock(Clock):
    """The SDK's clock. It sleeps between the SDK's tries, except where the caller does the waiting."""

    def time(self) -> float:
        """Seconds that never jump (the SDK only takes differences)."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; inside `one_try` raise TryLater from the error that the SDK is about to retry."""
        error = sys.exc_info()[1]
        if getattr(_mode, "one_try", False) and error is not None:
            raise TryLater(error) from error
        time.sleep(seconds)


@contextmanager
def one_try() -> Iterator[None]:
    """Within the block this thread's calls are sent once: a passing fault raises TryLater at once."""
    before = getattr(_mode, "one_try", False)
    _mode.one_try = True
    try:
        yield
    finally:
        _mode.one_try = before


class Transport(HTTPAdapter):
    """Connections for many threads, http and https alike; a gateway's 408, 502 or 504 is a lost answer.

    `on_silence` is called when nothing answers, before the error goes on to whoever tries again; what it
    raises goes on instead.
    """

    def __init__(self, *, on_silence: Callable[[], None] = lambda: None, **pool: Any) -> None:
        super().__init__(**pool)
        self._on_silence = on_silence

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send as the base class does; ConnectionError where no service but a gateway answered."""
        if request.method == "GET" and any(look in (request.url or "") for look in _LOOKS):
            kwargs["timeout"] = _LOOK_SECONDS
        try:
            response = super().send(request, *args, **kwargs)
        except requests.ConnectionError:
            self._on_silence()
            raise
        if response.status_code in _NO_ANSWER:
            response.close()
            reason = f"{response.status_code} {response.reason}"
            raise requests.ConnectionError(reason, request=request)
        return response


def api(
    ws: Workspace,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One call with plain JSON both ways, through the SDK's authentication, retries and errors.

    Plain, because the SDK's classes drop settings and state words they do not know. Raises what is in
    API_ERRORS, or TryLater inside `one_try`.
    """
    headers = {"Accept": "application/json"}
    if ws.client.config.workspace_id:
        headers["X-Databricks-Workspace-Id"] = str(ws.client.config.workspace_id)
    try:
        answer = ws.client.api_client.do(
            method,
            path,
            query=None if query is None else dict(query),
            body=None if body is None else dict(body),
            headers=headers,
        )
    except (InternalError, requests.RequestException) as error:  # what the SDK never retries, yet may pass
        if getattr(_mode, "one_try", False):
            raise TryLater(error) from error
        raise
    return answer if isinstance(answer, dict) else {}


def explain(error: BaseException) -> str:
    """One line on what went wrong, without the client's configuration or any token."""
    if isinstance(error, TimeoutError) and error.__cause__ is not None:
        return explain(error.__cause__)
    if isinstance(error, (DaraError, TryLater)):
        return str(error)
    if isinstance(error, DatabricksError):
        code = f"{error.error_code}: " if error.error_code else ""
        return scrub(f"{code}{error}")
    if isinstance(error, requests.RequestException):
        return f"no answer ({_innermost(error)})"
    return scrub(f"{type(error).__name__}: {error}")


def scrub(text: str) -> str:
    """`text` as one line, without the SDK's notes on itself and without anything like a token."""
    text = " ".join(_NOTES_OF_THE_SDK.split(text)[0].split())
    text = re.sub(r"(?i)\b(bearer)\s+\S+|\bdapi[0-9a-f]{8,}\S*", r"\1 [REDACTED]", text)
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "..."


def raise_if_refused(error: BaseException) -> None:
    """CredentialsError if `error` says that the workspace does not know who is calling (401)."""
    if isinstance(error, Unauthenticated):
        message = f"The workspace refused the credentials: {explain(error).rstrip('.')}."
        if caller_token() is not None:
            remedy = "They are the caller's, whose token lives for an hour: start the run again."
            raise CallerTokenEnded(f"{message} {remedy}") from None
        message = f"{message} Renew the token or profile in use."
        raise CredentialsError(message) from None


def backoff(failures: int, after: float, *, longest: float = 10.0) -> float:
    """Seconds to wait after so many failures in a row: growing from 0.5, spread; at least `after`."""
    own = min(longest, 0.5 * 1.5 ** min(failures - 1, 8))
    return max(after, own * random.uniform(0.7, 1.3))  # noqa: S311 - spreading, not secrecy


def _innermost(error: BaseException) -> str:
    """The deepest cause's own words: requests wraps urllib3 wraps the socket's error."""
    reason: Any = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (part for part in getattr(reason, "args", ()) if isinstance(part, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            return scrub(str(reason).rpartition("): ")[2].strip() or type(reason).__name__)
        reason = inner
