"""What one caller can take of the server: sizes, times, numbers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dara_dagster.api.headers import SecurityHeaders
from dara_dagster.api.limits import _MOST_CLIENTS, Limits, RequestLimits, _Rates, client_of
from tests.api.small import UPGRADE, Small
from tests.support.waiting import PATIENCE, until

_MEGABYTE = 1024 * 1024
_NEVER = 3600.0
_SOON = 0.2


async def _length(request: Request) -> Response:
    length = 0
    async for part in request.stream():
        length += len(part)
    return PlainTextResponse(str(length))


async def _much(_: Request) -> Response:
    return PlainTextResponse("x" * 20 * _MEGABYTE)


async def _echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


def _serve(limits: Limits) -> Small:
    methods = ["GET", "POST"]
    routes = [Route(path, _length, methods=methods) for path in ("/graphql", "/api/v1/x", "/any")]
    app = Starlette(routes=[*routes, Route("/much", _much), WebSocketRoute("/graphql", _echo)])
    return Small(SecurityHeaders(RequestLimits(app, limits)), limits)


@contextlib.contextmanager
def serving(limits: Limits) -> Iterator[Small]:
    small = _serve(limits)
    try:
        yield small
    finally:
        small.stop()


@pytest.fixture(scope="module")
def small() -> Iterator[Small]:
    with serving(Limits(upload_bytes=8 * _MEGABYTE)) as server:
        yield server


def read_all(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection; it has time for that."""
    connection.settimeout(PATIENCE)
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def opened(small: Small, text: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", small.port), timeout=PATIENCE)
    connection.sendall(text)
    return connection


FORM = {"Content-Type": "Multipart/Form-Data; boundary=x"}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/x", "/any"])
@pytest.mark.parametrize("headers", [JSON, FORM, {}, {"Content-Type": "multipart/mixed"}])
def test_only_a_form_to_the_api_may_be_large(small: Small, path: str, headers: dict[str, str]) -> None:
    is_upload = headers is FORM and path.startswith("/api/")

    answer = small.call("POST", path, headers, b" " * (2 * _MEGABYTE))

    assert answer.status == (200 if is_upload else 413)
    if not is_upload:
        assert "larger than 1 MB" in answer.body["detail"]


def test_a_length_that_is_announced_is_enough_to_refuse(small: Small) -> None:
    head = b"POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\n"
    with opened(small, head + b"Content-Length: 400000000\r\n\r\n") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_unknown_length_is_stopped_where_it_gets_too_large(small: Small) -> None:
    head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with opened(small, head) as connection:
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_an_upload_may_be_slow_but_not_without_end() -> None:
    head = b"POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    with serving(Limits(body_seconds=_SOON)) as small, opened(small, head + b"some") as connection:
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 408 ") and b"too slowly" in answer


def test_the_time_for_a_body_grows_with_what_has_arrived() -> None:
    head = b"POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n"
    limits = Limits(body_seconds=1.0, body_rate=1.0)
    with serving(limits) as small, opened(small, head + b"x" * 1000) as connection:
        connection.settimeout(2.0)  # past body_seconds: still waited for
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(PATIENCE)
        connection.sendall(b"x" * 1000)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_ends_its_connection(sent: bytes) -> None:
    with serving(Limits(head_seconds=_SOON)) as small, opened(small, sent) as connection:
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 408 ") if sent else answer == b""


def test_the_head_of_a_later_request_is_awaited_no_longer() -> None:
    first = b"GET /any HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(Limits(head_seconds=_SOON, idle_seconds=3600)) as small, opened(small, first) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /any HT")
        assert b"HTTP/1.1 408 " in read_all(connection)


def test_a_request_may_take_longer_than_its_head(small: Small) -> None:
    async def slow(_: Request) -> Response:
        import asyncio

        await asyncio.sleep(4 * _SOON)
        return PlainTextResponse("done")

    limits = Limits(head_seconds=_SOON)
    server = Small(Starlette(routes=[Route("/", slow)]), limits)
    try:
        assert server.call("GET", "/").body == "done"
    finally:
        server.stop()


def test_a_caller_that_does_not_read_is_let_go() -> None:
    with serving(Limits(write_seconds=_SOON)) as small:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", small.port))
        connection.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        state = small.server.server_state
        until(lambda: state.total_requests and not state.connections, "the end of the connection")
        connection.close()


def test_connections_are_counted_before_they_ask_for_anything() -> None:
    with serving(Limits(connections=3, head_seconds=_NEVER)) as small:
        idle = [opened(small, b"GET / HTTP/1.1\r\n") for _ in range(3)]
        with opened(small) as one_more:
            answer = read_all(one_more)
        idle[0].close()
        freed = [small.call("GET", "/any").status for _ in range(1)]
        for connection in idle[1:]:
            connection.close()

    assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in answer
    assert freed == [200]


def test_requests_of_one_address_are_bounded_in_their_rate() -> None:
    with serving(Limits(requests_per_second=0.001, burst=3)) as small:
        answers = [small.call("GET", "/any") for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["retry-after"]) > 900


def test_behind_a_proxy_each_user_has_a_rate_of_its_own() -> None:
    headers = [(b"x-forwarded-email", b"ana@example.com"), (b"host", b"x")]
    scope = {"type": "http", "client": ("10.0.0.1", 1), "headers": headers}

    assert client_of(scope) == "10.0.0.1"
    assert client_of(scope, is_proxied=True) == "ana@example.com"
    assert client_of({**scope, "headers": []}, is_proxied=True) == "10.0.0.1"


def test_the_rate_of_clients_is_remembered_for_a_bounded_number() -> None:
    rates = _Rates(0.001, 1)
    for number in range(_MOST_CLIENTS + 10):
        assert rates.wait_for(f"10.0.{number}") == 0.0

    assert len(rates._left) == _MOST_CLIENTS
    assert rates.wait_for(f"10.0.{_MOST_CLIENTS + 9}") > 0


def test_messages_of_a_web_socket_are_bounded_in_size_and_rate() -> None:
    limits = Limits(body_bytes=1000, requests_per_second=5.0, burst=2)
    with serving(limits) as small, connect(f"ws://127.0.0.1:{small.port}/graphql") as websocket:
        for text in ("a", "b", "c", "d"):  # more than the burst: they come late, but they come
            websocket.send(text)
        assert [websocket.recv(timeout=PATIENCE) for _ in range(4)] == ["a", "b", "c", "d"]
        websocket.send("x" * 2000)
        with pytest.raises(ConnectionClosed, match="1009"):
            websocket.recv(timeout=PATIENCE)


def test_every_answer_has_the_security_headers(small: Small) -> None:
    answers = [
        small.call("GET", "/any"),
        small.call("GET", "/none"),
        small.call("POST", "/any", {}, b"x" * 2**21),
    ]
    with opened(small, b"\0\r\n\r\n") as connection:
        raw = read_all(connection).decode().lower()

    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert [answer.status for answer in answers] == [200, 404, 413]
    assert raw.startswith("http/1.1 400 ") and "application/problem+json" in raw and "nosniff" in raw


def test_web_sockets_open_behind_the_limits(small: Small) -> None:
    assert small.call("GET", "/graphql", UPGRADE).status == 101
