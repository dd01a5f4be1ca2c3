"""Turns one API call into a parsed answer, and what can go wrong with it into words for the user."""

from __future__ import annotations

import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar, overload

import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import Clock
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import TooManyRequests, Unauthenticated
from requests.adapters import HTTPAdapter

from dara_dagster.config.settings import DEFAULTS, Settings
from dara_dagster.errors import CredentialsError, DaraError
from dara_dagster.workspace.caller import CallerTokenEnded, caller_token
from dara_dagster.workspace.redaction import redact

T = TypeVar("T")

# What a call through the SDK raises: its own errors, builtin TimeoutError when its retries run out, and
# what `requests` says where the SDK does not retry (an answer that is no JSON, a stream that broke).
API_ERRORS = (DatabricksError, TimeoutError, requests.RequestException)

# A gateway's words for "the service did not answer"; the SDK retries a lost answer but not these.
_NO_ANSWER = frozenset((408, 502, 504))
# Not the caller's fault, and another try may do better. Of 5xx all but "not implemented" and "no such HTTP
# version", which last (RFC 9110, 15.6).
_PASSING = frozenset((408, 425, 429))
_LASTING = frozenset((501, 505))
LOST_ANSWERS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.JSONDecodeError,
)
_LONGEST_MESSAGE = 600
# It ends a message with its configuration, or (when the answer is no error of the API) with all it sent.
_NOTES_OF_THE_SDK = re.compile(r"[.\s]+(?=(?:Config|Env): |This is likely a bug in the Databricks SDK)")
# A look is answered within a second or so; one that hangs must not hide the end of a run for longer.
_LOOKS = ("/jobs/runs/get?", "/jobs/runs/list?")

_mode = threading.local()


class Patience(Protocol):
    """What calls wait in, and are repeated by (rate_limited.CallLimiter)."""

    def call(self, fn: Callable[[], T], *, patience: float | None = None) -> T:
        """Call `fn()`, again for `patience` seconds while only the service is at fault."""


class Connection(Protocol):
    """What a call needs of an open workspace (client.Workspace)."""

    @property
    def client(self) -> WorkspaceClient:
        """Return the SDK's client, for its authentication and its errors."""

    @property
    def limiter(self) -> Patience:
        """Return what all calls of this process go through."""


class BadAnswer(DaraError):
    """An answer that is JSON, but has another shape than the API documents."""


class TryLater(Exception):
    """The call may do better later: raised instead of a wait inside `one_try`, from the error itself.

    `after` is the number of seconds the service asked for, 0 where it asked for none; `throttled` tells "you
    ask too much" (429) from a fault.
    """

    def __init__(self, error: BaseException) -> None:
        self.after = float(getattr(error, "retry_after_secs", None) or 0)
        self.throttled = isinstance(error, TooManyRequests)
        super().__init__(explain(error))


class PatientClock(Clock):
    """The SDK's clock. It sleeps between the SDK's tries, except where the caller does the waiting."""

    def time(self) -> float:
        """Return seconds that never jump (the SDK only takes differences)."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; inside `one_try` raise TryLater from the error that the SDK is about to retry."""
        error = sys.exc_info()[1]
        if is_one_try() and error is not None:
            raise TryLater(error) from error
        time.sleep(seconds)


@contextmanager
def one_try() -> Iterator[None]:
    """Send this thread's calls once within the block: a passing fault raises TryLater at once."""
    before = is_one_try()
    _mode.one_try = True
    try:
        yield
    finally:
        _mode.one_try = before


def is_one_try() -> bool:
    """Return whether this thread is within `one_try`."""
    return bool(getattr(_mode, "one_try", False))


class Transport(HTTPAdapter):
    """Connections for many threads, http and https alike; a gateway's 408, 502 or 504 is a lost answer.

    `on_silence` is called when nothing answers, before the error reaches whoever tries again; what it
    raises replaces the error.
    """

    def __init__(
        self, *, settings: Settings = DEFAULTS, on_silence: Callable[[], None] = lambda: None, **pool: Any
    ) -> None:
        super().__init__(**pool)
        self._look_seconds = settings.poll_timeout_seconds
        self._on_silence = on_silence

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send as the base class does; ConnectionError where no service but a gateway answered."""
        if request.method == "GET" and any(look in (request.url or "") for look in _LOOKS):
            kwargs["timeout"] = self._look_seconds
        try:
            response = super().send(request, *args, **kwargs)
        except requests.ConnectionError:
            self._on_silence()
            raise
        _mode.status = response.status_code
        if response.status_code in _NO_ANSWER:
            response.close()
            reason = f"{response.status_code} {response.reason}"
            raise requests.ConnectionError(reason, request=request)
        return response


@overload
def api(
    ws: Connection,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    patience: float | None = None,
) -> dict[str, Any]: ...


@overload
def api(
    ws: Connection,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    read: Callable[[dict[str, Any]], T],
    patience: float | None = None,
) -> T: ...


def api(
    ws: Connection,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    read: Callable[[dict[str, Any]], Any] = dict,
    patience: float | None = None,
) -> Any:
    """Make one call with plain JSON both ways through the SDK's authentication and errors, and return
    `read(answer)`.

    Plain, because the SDK's classes drop settings and state words they do not know. The call waits for its
    turn (see CallLimiter.call) and is repeated while only the service is at fault, so it has to be safe to
    repeat: an answer that is no JSON object, or in which `read` does not find what it takes from it, is such
    a fault. Raises UnreachableError after `patience` seconds of faults (`lost_after_seconds` by default) and
    what else is in API_ERRORS at once. Inside `one_try` it is sent once, and a fault raises TryLater.
    """
    send = partial(_send, ws, method, path, query, body, read)
    return send() if is_one_try() else ws.limiter.call(send, patience=patience)


def pages(
    ws: Connection,
    path: str,
    query: Mapping[str, Any],
    read: Callable[[dict[str, Any]], T],
    call: Callable[[Callable[[], Any]], Any] | None = None,
) -> Iterator[T]:
    """Yield every page of an answer in pages, through `read`. Raises as `api` does.

    `call` makes each of the calls, by default at once. BadAnswer when the service gives a page token a second
    time: there would be no end.
    """
    tokens: set[str] = set()
    token = ""

    def page(answer: dict[str, Any]) -> tuple[T, str]:
        return read(answer), str(answer.get("next_page_token") or "")

    while True:
        asked = {**query, **({"page_token": token} if token else {})}
        send: Callable[[], Any] = partial(api, ws, "GET", path, query=asked, read=page)
        found, token = call(send) if call else send()
        yield found
        if not token:
            return
        if token in tokens:
            raise BadAnswer(f"GET {path} gives the same page twice, so it has no end")
        tokens.add(token)


def paged(
    ws: Connection, path: str, key: str, query: Mapping[str, Any], read: Callable[[Any], T]
) -> Iterator[T]:
    """Yield what stands under `key` on every page of a list, each through `read`. Raises as `pages` does."""
    for items in pages(ws, path, query, lambda answer: [read(item) for item in listed(answer, key)]):
        yield from items


def listed(answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects under `key`, [] when it is absent. TypeError when that is no list of objects."""
    items = answer.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise TypeError(f"{key} is no list of objects")
    return items


def inner(answer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object under `key`, {} when it is absent. TypeError when that is no object."""
    found = answer.get(key) or {}
    if not isinstance(found, dict):
        raise TypeError(f"{key} is no object")
    return found


def through_sdk(ws: Connection, method: str, path: str, fn: Callable[[], T]) -> T:
    """Call `fn()`, which makes that call by a method of the SDK; it waits and is repeated as in `api`."""
    send = partial(_guarded, method, path, fn)
    return send() if is_one_try() else ws.limiter.call(send)


def _send(
    ws: Connection,
    method: str,
    path: str,
    query: Mapping[str, Any] | None,
    body: Mapping[str, Any] | None,
    read: Callable[[dict[str, Any]], Any],
) -> Any:
    headers = {"Accept": "application/json"}
    workspace_id = getattr(ws.client.config, "workspace_id", None)  # not in older SDKs
    if workspace_id:
        headers["X-Databricks-Workspace-Id"] = str(workspace_id)

    def call() -> Any:
        answer = ws.client.api_client.do(
            method,
            path,
            query=None if query is None else dict(query),
            body=None if body is None else dict(body),
            headers=headers,
        )
        if not isinstance(answer, dict):
            raise TypeError("not an object")
        return read(answer)

    return _guarded(method, path, call)


def _guarded(method: str, path: str, call: Callable[[], T]) -> T:
    """Make the call once: TryLater for a passing fault, other errors as they are; each names the call."""
    _mode.status = 0
    try:
        with one_try():
            return call()
    except TryLater as later:
        error = later.__cause__ or later
        raise TryLater(_named(error, method, path)) from error
    except (DatabricksError, requests.RequestException) as error:
        _named(error, method, path)
        if _may_pass(error):
            raise TryLater(error) from error
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        lacks = f"no {error}" if isinstance(error, KeyError) else str(error)
        bad = BadAnswer(f"an answer of another shape than the API documents ({lacks})")
        raise TryLater(_named(bad, method, path)) from bad


def _named(error: BaseException, method: str, path: str) -> BaseException:
    """Note on the error the call it came from and the status of the answer, and return it."""
    status = getattr(_mode, "status", 0)
    error.dara_call = f"{method} {path}{f', {status}' if status else ''}"  # type: ignore[attr-defined]
    return error


def _may_pass(error: BaseException) -> bool:
    """Return whether only the service is at fault, by the kind of error or the status of the last answer."""
    if isinstance(error, requests.RequestException):
        return isinstance(error, LOST_ANSWERS)
    return is_fault(getattr(_mode, "status", 0))


def is_fault(status: int) -> bool:
    """Return whether an answer of this status says that only the service is at fault."""
    return status in _PASSING or (status >= 500 and status not in _LASTING)


def explain(error: BaseException) -> str:
    """Return one line on what went wrong and in which call, without the client's configuration or any
    secret."""
    if isinstance(error, TimeoutError) and error.__cause__ is not None:
        return explain(error.__cause__)
    call = f" ({error.dara_call})" if hasattr(error, "dara_call") else ""
    if isinstance(error, (DaraError, TryLater)):
        return f"{error}{call}"
    if isinstance(error, DatabricksError):
        code = f"{error.error_code}: " if error.error_code else ""
        return scrub(f"{code}{error}") + call
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return f"the answer is not JSON{call}"
    if isinstance(error, requests.RequestException):
        return f"no answer ({_innermost(error)}){call}"
    return scrub(f"{type(error).__name__}: {error}") + call


def scrub(text: str) -> str:
    """Return `text` as one line, without the SDK's notes on itself and without anything like a secret."""
    text = redact(" ".join(_NOTES_OF_THE_SDK.split(text)[0].split()))
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "..."


def raise_if_refused(error: BaseException) -> None:
    """Raise CredentialsError if `error` says that the workspace does not know who is calling (401)."""
    if isinstance(error, Unauthenticated):
        message = f"The workspace refused the credentials: {explain(error).rstrip('.')}."
        if caller_token() is not None:
            remedy = "They are the caller's, whose token lives for an hour: start the run again."
            raise CallerTokenEnded(f"{message} {remedy}") from None
        message = f"{message} Renew the token or profile in use."
        raise CredentialsError(message) from None


def backoff(failures: int, after: float, *, longest: float = DEFAULTS.retry_longest_seconds) -> float:
    """Return seconds to wait after so many failures in a row: growing from 0.5, spread; at least `after`."""
    own = min(longest, 0.5 * 1.5 ** min(failures - 1, 8))
    return max(after, own * random.uniform(0.7, 1.3))  # noqa: S311 - spreading, not secrecy


def _innermost(error: BaseException) -> str:
    """Return the deepest cause's own words: requests wraps urllib3 wraps the socket's error."""
    reason: Any = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (part for part in getattr(reason, "args", ()) if isinstance(part, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            return scrub(str(reason).rpartition("): ")[2].strip() or type(reason).__name__)
        reason = inner
