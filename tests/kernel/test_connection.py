"""The connection's own bounds, on a real socket with a small application behind; the clock is set short, never measured."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from casework.kernel import connection
from casework.kernel.connection import Connection
from casework.kernel.problems import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio
SHORT = 0.3
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 4 * 1024 * 1024


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body, then answers; `/large` answers more than every buffer on the way holds."""
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.disconnect":
        return
    body = b"x" * LARGE if scope["path"] == "/large" else b"ok"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def listening(most: int = 100) -> AsyncIterator[tuple[int, uvicorn.Server]]:
    config = uvicorn.Config(
        echo, port=0, http=cast("Any", partial(Connection, most=most)), lifespan="off", log_config=None,
        timeout_keep_alive=60, timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1], server
    finally:
        await server.shutdown()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RECEIVE_SECONDS", SHORT)
    monkeypatch.setattr(connection, "SEND_SECONDS", SHORT)


async def said_to(port: int, *parts: bytes, every: float = 0.0) -> bytes:
    """Everything the server says until it hangs up, also when it does so before all is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def speak() -> None:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(every)

    speaking, told = asyncio.create_task(speak()), b""
    try:
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                while heard := await reader.read(65_536):
                    told += heard
    finally:
        speaking.cancel()
        writer.close()
    return told


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 -- what is waited for is uvicorn's, which announces nothing
            await asyncio.sleep(0.01)


def problem_in(told: bytes) -> dict[str, Any]:
    head, _, body = told.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    document: dict[str, Any] = json.loads(body)
    assert document["title"] in {problem.title.fr for problem in CATALOGUE.values()}
    return document


@pytest.mark.parametrize(
    "start", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"]
)  # fmt: skip
async def test_a_request_that_stops_halfway_is_told_so_and_hung_up_on(start: bytes) -> None:
    async with listening() as (port, server):
        assert problem_in(await said_to(port, start))["status"] == 408
        assert not server.server_state.connections


@pytest.mark.parametrize("drip", [b"a", b"X-A: b\r\n"])
async def test_bytes_that_trickle_in_do_not_move_the_deadline(drip: bytes) -> None:
    async with listening() as (port, _):
        assert problem_in(await said_to(port, b"GET / HTTP/1.1\r\n", *[drip] * 40, every=SHORT / 8))["status"] == 408


@pytest.mark.parametrize("silence", [b"", b"\r\n" * 3])
async def test_a_connection_that_never_asks_is_closed_without_a_word(silence: bytes) -> None:
    async with listening() as (port, _):
        assert await said_to(port, silence) == b""


async def test_a_client_that_does_not_read_is_hung_up_on() -> None:
    async with listening() as (port, server):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.connect(("127.0.0.1", port))
        line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: bool(server.server_state.connections))
        await until(lambda: not server.server_state.connections)
        line.close()


async def test_a_reader_at_work_gets_everything_and_keeps_the_connection() -> None:
    async with listening() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            assert len(await reader.readexactly(LARGE)) == LARGE
        writer.close()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"not http at all\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + WHOLE, 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + WHOLE, 400),
        (WHOLE * 60, 429),
    ],
)
async def test_what_two_servers_could_read_differently_ends_the_connection(raw: bytes, status: int) -> None:
    """One refusal, and nothing after it is read as a request of its own."""
    async with listening() as (port, _):
        told = await said_to(port, raw)
        assert problem_in(told[told.rindex(b"HTTP/1.1") :])["status"] == status


async def test_headers_without_end_are_refused_before_they_fill_the_memory() -> None:
    async with listening() as (port, _):
        told = await said_to(port, b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"y" * 8_000 + b"\r\n"] * 40, every=0.001)
        assert problem_in(told)["status"] == 431


async def test_one_connection_too_many_is_a_503_and_the_others_stay() -> None:
    async with listening(most=2) as (port, _):
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        assert problem_in(await said_to(port))["status"] == 503
        for reader, writer in lines:
            writer.write(WHOLE)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            writer.close()


async def test_uvicorn_as_it_comes_waits_for_ever() -> None:
    """The control: the same half request is still held when ours has long been answered."""
    async with listening() as (port, server):
        server.config.http_protocol_class = HttpToolsProtocol
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT * 5):
                await reader.read()
        writer.close()
