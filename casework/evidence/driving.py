"""A small HTTP/1.1 client with keep-alive: the same for every server measured, and cheap beside them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

WAIT_SECONDS = 60


class UnexpectedAnswer(Exception):
    """A server answered something else than what the bench asked for."""


@dataclass(frozen=True, slots=True)
class Order:
    """One request and the status it must get."""

    raw: bytes
    status: int


def get(path: str, token: str) -> Order:
    return Order(_head("GET", path, token) + b"\r\n", 200)


def post(path: str, token: str, body: dict[str, Any], **headers: str) -> Order:
    """`headers` are named as parameters are: `if_match` goes out as If-Match."""
    content = json.dumps(body, ensure_ascii=False).encode()
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"{more}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return Order(_head("POST", path, token) + head.encode() + content, 201)


def _head(method: str, path: str, token: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n".encode()


class Line:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, order: Order) -> tuple[int, bytes]:
        """Status and body of the answer, whatever the order expected."""
        head, body = await self.exchange(order)
        return int(head[9:12]), body

    async def exchange(self, order: Order) -> tuple[bytes, bytes]:
        """Head (in lower case) and body of the answer; raises OSError or EOFError when the line breaks."""
        self._writer.write(order.raw)
        async with asyncio.timeout(WAIT_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            return head, await self._reader.readexactly(int(header(head, b"content-length") or 0))

    async def stream(self, order: Order) -> tuple[bytes, AsyncIterator[bytes]]:
        """Head (in lower case) and the chunks of an answer of unstated length (RFC 9112 §7.1), as they come."""
        self._writer.write(order.raw)
        async with asyncio.timeout(WAIT_SECONDS):
            return (await self._reader.readuntil(b"\r\n\r\n")).lower(), self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Raises OSError or EOFError when the line breaks before the last chunk."""
        while True:
            async with asyncio.timeout(WAIT_SECONDS):
                size = int(await self._reader.readuntil(b"\r\n"), 16)
                chunk = (await self._reader.readexactly(size + 2))[:-2]
            if not chunk:
                return
            yield chunk


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header in a head as `exchange` gives it; empty when it is absent."""
    return head.partition(b"\r\n" + name + b":")[2].partition(b"\r\n")[0].strip()


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


def drive(port: int, orders: Sequence[Order], *, width: int) -> list[bytes]:
    """Send the orders over `width` connections; the answers' bodies, in order. Raises UnexpectedAnswer."""
    return asyncio.run(_all(port, orders, width))


async def _all(port: int, orders: Sequence[Order], width: int) -> list[bytes]:
    bodies = [b""] * len(orders)
    queue = iter(enumerate(orders))
    async with asyncio.TaskGroup() as group:
        for _ in range(min(width, len(orders))):
            group.create_task(_one_line(port, queue, bodies))
    return bodies


async def _one_line(port: int, queue: Iterator[tuple[int, Order]], bodies: list[bytes]) -> None:
    async with line_to(port) as line:
        for place, order in queue:
            status, body = await line.ask(order)
            if status != order.status:
                raise UnexpectedAnswer(f"{status} instead of {order.status}: {body[:500]!r}")
            bodies[place] = body
