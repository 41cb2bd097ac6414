"""`casework drill slow`: five hundred clients that hold on and do nothing, while honest ones work (access.md §5).

Four kinds: a request line that stops, headers byte by byte, a body byte by byte, and an answer that is never read. Honest
requests are measured alone, beside all of them, and alone again; the control is uvicorn as it comes, which keeps them.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from casework.evidence.driving import UnexpectedAnswer, get, line_to
from casework.evidence.report import Run
from casework.evidence.stage import stage
from casework.kernel.limits import RECEIVE_SECONDS, SEND_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from casework.evidence.driving import Order
    from casework.evidence.stage import Contestant

SLOW, SHORT_SLOW = 500, 60
HOLD, SHORT_HOLD = 7.5, 3.0
"""Seconds of honest requests: less than RECEIVE_SECONDS, so that every slow client is held meanwhile."""
WIDTH = 4
CASES = 100
TARGET = 2.0
# A client's clock starts a little before the server's, and the machine may be busy.
DEADLINE = max(RECEIVE_SECONDS, SEND_SECONDS) + 5
DRIP_SECONDS = 0.5
KINDS = ("half-open", "headers", "body")
READERS = 10
"""One in so many is a reader: its answers are honest work, and would be measured as such."""
SETTLE_SECONDS = 1.0
HALF = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\n"
# Answers of some ten kilobytes each, more of them than every buffer on the way holds.
UNREAD = b"GET /v1/problems HTTP/1.1\r\nHost: x\r\n\r\n" * 16
SMALL_BUFFER = 4_096


@dataclass(slots=True)
class Siege:
    """How long each slow client was held, by kind; one that was not closed by the deadline is counted as held on."""

    held: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in (*KINDS, "reader")})
    still_open: int = 0
    connected: int = 0

    @property
    def closed(self) -> int:
        return sum(map(len, self.held.values()))


def run(*, short: bool, seed: int) -> dict[str, Any]:
    done = Run("slow", short, seed)
    slow, hold = (SHORT_SLOW, SHORT_HOLD) if short else (SLOW, HOLD)
    with stage(CASES, seed, servers=("server", "control")) as found:
        token, rng = found.token("camille"), random.Random(seed)
        orders = [get(f"/v1/cases/{case_id}", token) for case_id in rng.choices(found.population.readable, k=1_000)]
        siege, alone, beside = asyncio.run(_compared(found.contestants["server"], slow, orders, hold))
        kept, _, _ = asyncio.run(_compared(found.contestants["control"], SHORT_SLOW, orders, 0.5))
    ratio = _p99(beside) / _p99(alone)
    figures = {
        "slow_clients": siege.connected,
        "closed": siege.closed,
        "longest_held_seconds": {kind: round(max(times, default=0.0), 1) for kind, times in siege.held.items()},
        "deadline_seconds": DEADLINE,
        "honest_requests": len(beside),
        "p99_ms_alone": round(_p99(alone) * 1000, 1),
        "p99_ms_beside": round(_p99(beside) * 1000, 1),
        "p99_ratio": round(ratio, 2),
        "target": TARGET,
    }
    control = {
        "what": "uvicorn as it comes, the same clients",
        "slow_clients": kept.connected,
        "closed": kept.closed,
        "still_open": kept.still_open,
        "failed": kept.still_open > 0,
    }
    ok = siege.closed == siege.connected == slow and siege.still_open == 0 and ratio <= TARGET
    return done.outcome(ok=bool(ok), figures=figures, control=control)


async def _compared(
    server: Contestant, slow: int, orders: Sequence[Order], hold: float
) -> tuple[Siege, list[float], list[float]]:
    """The slow clients' fate, and the honest requests' seconds alone (before and after) and beside them."""
    await _honest(server.port, orders, hold / 4)
    alone = await _honest(server.port, orders, hold)
    siege = Siege()
    kinds = ["reader" if one % READERS == 0 else KINDS[one % len(KINDS)] for one in range(slow)]
    clients = [asyncio.create_task(_held(server.port, kind, siege)) for kind in kinds]
    await asyncio.sleep(SETTLE_SECONDS)
    beside = await _honest(server.port, orders, hold)
    await _all_of(clients)
    return siege, alone + await _honest(server.port, orders, hold), beside


async def _all_of(clients: list[asyncio.Task[None]]) -> None:
    with Progress(console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as progress:
        bar = progress.add_task("clients lents / slow clients", total=len(clients))
        while pending := [client for client in clients if not client.done()]:
            progress.update(bar, completed=len(clients) - len(pending))
            await asyncio.wait(pending, timeout=0.5)
    await asyncio.gather(*clients)


async def _honest(port: int, orders: Sequence[Order], seconds: float) -> list[float]:
    """How long each answer took, in `seconds` of asking; raises UnexpectedAnswer for any but the right one."""
    times: list[float] = []
    queue, until = cycle(orders), time.monotonic() + seconds

    async def one() -> None:
        async with line_to(port) as line:
            while time.monotonic() < until:
                order, started = next(queue), time.perf_counter()
                status, _ = await line.ask(order)
                times.append(time.perf_counter() - started)
                if status != order.status:
                    raise UnexpectedAnswer(f"an honest request got {status}")

    async with asyncio.TaskGroup() as group:
        for _ in range(WIDTH):
            group.create_task(one())
    return times


async def _held(port: int, kind: str, siege: Siege) -> None:
    """One slow client until the server hangs up, or the deadline."""
    loop = asyncio.get_running_loop()
    with socket.socket() as line:
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        await loop.sock_connect(line, ("127.0.0.1", port))
        await loop.sock_sendall(line, {"half-open": HALF, "headers": HALF, "body": POST, "reader": UNREAD}[kind])
        siege.connected += 1
        started = time.monotonic()
        while time.monotonic() - started < DEADLINE:
            if await _hung_up(line, kind):
                siege.held[kind].append(time.monotonic() - started)
                return
        siege.still_open += 1


async def _hung_up(line: socket.socket, kind: str) -> bool:
    """Wait a moment, drip a byte; whether the server has closed. A reader who does not read learns it by an error."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(DRIP_SECONDS)
    try:
        if kind == "headers":
            await loop.sock_sendall(line, b"X")
        elif kind == "body":
            await loop.sock_sendall(line, b"a")
        if kind == "reader":
            line.send(b"\r\n")  # an aborted connection refuses it; an empty line begins no request
            return False
        return _ended(line)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _ended(line: socket.socket) -> bool:
    """The 408 that comes first is read and put aside."""
    try:
        return line.recv(65_536) == b"" or line.recv(65_536) == b""
    except BlockingIOError:
        return False


def _p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]
