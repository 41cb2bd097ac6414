"""One HTTP/1.1 connection: uvicorn's protocol with the bounds it lacks (access.md §5).

uvicorn waits for ever for a request's head and for a reader who does not read; here each has its time. What cannot be
handed to the application (no HTTP, no end, no room) is answered with a problem document all the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from prometheus_client import Counter
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from casework.kernel.language import preferred
from casework.kernel.limits import (
    HEAD_LIMIT,
    HEADER_LIMIT,
    HEADERS_LIMIT,
    PIPELINE_LIMIT,
    RECEIVE_SECONDS,
    SEND_SECONDS,
)
from casework.kernel.problems import (
    MEDIA_TYPE,
    HeadersTooLarge,
    MalformedRequest,
    Problem,
    ServerBusy,
    TooManyRequests,
    TooSlow,
)

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HUNG_UP = Counter("casework_connections_hung_up_total", "Connections ended by the server's own decision", ["status"])


class Connection(HttpToolsProtocol):
    """Armed with one timer while the client owes bytes, and one while it leaves ours unread; most requests need none."""

    def __init__(self, *arguments: Any, most: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._most = most
        self._due: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._receiving = self._in_head = self._leaving = False
        self._head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self._hang_up(ServerBusy())
        else:
            self._due = self.loop.call_later(RECEIVE_SECONDS, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._receive_timer_off()
        self._send_timer_off()
        super().connection_lost(exc)

    # The client's side: a request has RECEIVE_SECONDS from its first byte to its last

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        went_on = self._in_head
        super().data_received(data)
        if went_on and self._in_head:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT:
                self._hang_up(HeadersTooLarge(limit_bytes=HEADERS_LIMIT, limit_headers=HEADER_LIMIT))
        if self._due is None and self._owes() and not self.transport.is_closing():
            self._due = self.loop.call_later(RECEIVE_SECONDS, self._too_late)

    def _owes(self) -> bool:
        """Whether the next move is the client's; empty lines between requests do not count as one."""
        cycle = self._last()
        return self._receiving or cycle is None or cycle.response_complete

    def _last(self) -> RequestResponseCycle | None:
        """The youngest request whose head is complete; uvicorn's own type forgets that there may be none."""
        return cast("RequestResponseCycle | None", self.cycle)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._receiving = self._in_head = True
        self._head_size = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
        if self._leaving:
            self.cycle.keep_alive = False
        if len(self.pipeline) > PIPELINE_LIMIT:
            self._hang_up(TooManyRequests(headers={"Retry-After": "1"}))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._receiving = False
        self._receive_timer_off()

    def _too_late(self) -> None:
        self._due = None
        cycle = self._last()
        if self._receiving and (self._in_head or cycle is None or not cycle.response_started):
            self._hang_up(TooSlow())
        else:
            self._close()

    # Our side: an answer left unread holds memory, so it does not wait for ever either

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_timer_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_timer_off()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._send_timer_on()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def shutdown(self) -> None:
        """The server leaves: a request that has begun to arrive is still received, answered, and then ends this."""
        self._leaving = True
        if not self._receiving:
            super().shutdown()
        elif not self._in_head:
            self.cycle.keep_alive = False

    # Refusals below HTTP

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's own words are not in two languages
        self._hang_up(MalformedRequest())

    def _hang_up(self, problem: Problem) -> None:
        """Answer in the application's place, and close; what the application still says is dropped."""
        if self.transport.is_closing():
            return
        HUNG_UP.labels(str(problem.status)).inc()
        cycle = self._last()
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(_raw(problem, cast("list[tuple[bytes, bytes]] | None", self.headers) or []))
        self._close()

    def _close(self) -> None:
        self.transport.close()
        # Closing flushes first; a client that does not read would keep the connection open.
        if self.transport.get_write_buffer_size():
            self._send_timer_on()

    def _send_timer_on(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def _send_timer_off(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _receive_timer_off(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


def _raw(problem: Problem, headers: list[tuple[bytes, bytes]]) -> bytes:
    language = preferred(dict(headers).get(b"accept-language", b"").decode("latin-1"))
    body = json.dumps(problem.document(language), ensure_ascii=False).encode()
    said = {
        "content-type": MEDIA_TYPE,
        "content-language": language,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **{name.lower(): value for name, value in problem.headers.items()},
        "connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return STATUS_LINE[problem.status] + lines.encode() + b"\r\n" + body
