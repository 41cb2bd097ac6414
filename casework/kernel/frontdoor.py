"""The outermost layer: request id, limits, HEAD, security headers, one log line and one measure a request."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import HTTPConnection

from casework.kernel import body_guard, head_guard
from casework.kernel.addresses import neighbourhood
from casework.kernel.ids import new_id
from casework.kernel.language import preferred
from casework.kernel.logs import where
from casework.kernel.problems import MEDIA_TYPE, Problem, ServerBusy, Unexpected

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("casework.access")
request_id: ContextVar[str] = ContextVar("request_id", default="-")

REQUESTS = Counter("casework_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "casework_request_seconds",
    "Time to answer",
    ["method", "route"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.5, 1, 5, 15),
)
TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
PUBLIC_CACHE = ("/v1/problems", "/.well-known/jwks.json")


class Frontdoor:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(scope, receive, send).run(self.app)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.id = str(new_id())
        self.method = scope["method"]
        self.started = time.perf_counter()
        self.status = 0
        self.sent_body = False

    async def run(self, app: ASGIApp) -> None:
        request_id.set(self.id)
        trace = TRACEPARENT.fullmatch(head_guard.header(self.scope, b"traceparent") or b"")
        if self.method == "HEAD":
            # One place gives HEAD to every GET; the body is dropped on the way out.
            self.scope = {**self.scope, "method": "GET"}
        try:
            receive = await self._guarded()
            await app(self.scope, receive, self._answer)
        except Problem as problem:
            await self._refuse(problem)
        except asyncio.CancelledError:
            # The shutdown's patience is over, or the caller's own task ends.
            await self._refuse(ServerBusy())
            raise
        except Exception as error:  # noqa: BLE001 -- the last wall: nothing but a problem document may leave
            log.error(  # noqa: TRY400 -- a traceback could carry somebody's data
                "unexpected", request_id=self.id, kind=type(error).__name__, where=where(error)
            )
            await self._refuse(Unexpected())
        finally:
            self._account(trace.group(1).decode() if trace else None)

    async def _guarded(self) -> Receive:
        state = self.scope["app"].state
        state.addresses.spend(neighbourhood(state.origins.of(HTTPConnection(self.scope))))
        head_guard.refuse_hostile_head(self.scope)
        if self.method not in body_guard.BODY_METHODS:
            return self._receive
        body = await body_guard.received(self.scope, self._receive)
        delivered = False

        async def replay() -> Message:
            nonlocal delivered
            if delivered:
                return await self._receive()
            delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        return replay

    async def _answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *self._headers(message["headers"])]}
        elif self.method == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    def _headers(self, present: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in present}
        added = [
            (b"x-request-id", self.id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"content-language", self._language().encode()),
            (b"vary", b"Accept-Language"),
        ]
        cache = b"public, max-age=300" if self.scope["path"].startswith(PUBLIC_CACHE) else b"no-store"
        return [pair for pair in [*added, (b"cache-control", cache)] if pair[0] not in names]

    def _language(self) -> Any:
        return preferred((head_guard.header(self.scope, b"accept-language") or b"").decode("latin-1"))

    async def _refuse(self, problem: Problem) -> None:
        if self.status:
            return
        body = json.dumps(problem.document(self._language()), ensure_ascii=False).encode()
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        await self._answer({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self._answer({"type": "http.response.body", "body": body})

    def _account(self, trace_id: str | None) -> None:
        seconds = time.perf_counter() - self.started
        route = getattr(self.scope.get("route"), "path", None) or "unrouted"
        method = self.method if self.method in METHODS else "other"
        REQUESTS.labels(method, route, str(self.status)).inc()
        SECONDS.labels(method, route).observe(seconds)
        log.info(
            "request", request_id=self.id, trace_id=trace_id, method=method, route=route, status=self.status,
            milliseconds=round(seconds * 1000, 1), actor_id=self.scope.get("state", {}).get("actor_id"),
        )  # fmt: skip
