"""SIGTERM on the real process: what was accepted is answered, what is under way is finished, then it is over with 0."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from tests.builders import a_case
from tests.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import World

pytestmark = pytest.mark.anyio
PATIENCE = 180
READERS = 8
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


class Served:
    """`casework serve` on the world's database, as an operator starts it."""

    def __init__(self, world: World, process: subprocess.Popen[bytes], port: int) -> None:
        self.world, self.process, self.port = world, process, port
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path: str, by: str = "camille") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.world.token(by)}"}
        return httpx.get(self.base + path, headers=headers, timeout=PATIENCE)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended_with(self) -> int:
        return self.process.wait(PATIENCE)

    def until_it_leaves(self) -> None:
        """No new connection is taken any more."""
        until(lambda: not listens(self.port))


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def until(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def served(world: World, **settings: str) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")}
    given = {
        "DATABASE_URL": world.server_url,
        "SECRET": SECRET,
        "BACKGROUND": "false",
        "LOG_LEVEL": "error",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "casework", "serve", "--port", str(port)],
        env={**kept, **{f"CASEWORK_{name}": value for name, value in given.items()}},
    )
    try:
        until(lambda: process.poll() is not None or listens(port))
        yield Served(world, process, port)
    finally:
        process.kill()
        process.wait()


@contextmanager
def locked(world: World, table: str) -> Iterator[psycopg.Connection[Any]]:
    """Nobody gets past a write of this table until the block ends."""
    with psycopg.connect(world.owner_url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield connection


async def test_every_accepted_request_gets_its_whole_answer(world: World) -> None:
    case = await a_case(world)
    with served(world) as server, ThreadPoolExecutor(READERS) as pool:
        with locked(world, "read_entries") as holder:
            answers = [pool.submit(server.get, f"/v1/cases/{case['id']}") for _ in range(READERS)]
            until(lambda: holder.execute(WAITING).fetchone() == (READERS,))
            server.terminate()
            server.until_it_leaves()
            assert not any(answer.done() for answer in answers)
        assert [answer.result().status_code for answer in answers] == [200] * READERS
        assert {answer.result().json()["id"] for answer in answers} == {case["id"]}
        assert server.ended_with() == 0
    with world.owner() as owner:
        assert owner.execute("SELECT count(*) FROM read_entries WHERE permission = 'case:read'").fetchone() == (
            READERS + 1,
        )


async def test_a_request_that_has_begun_to_arrive_is_received_to_its_end(world: World) -> None:
    with served(world) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(b"GET /health/live HTTP/1.1\r\n")
        # The head's first line is on its way to a server that answers others meanwhile.
        assert server.get("/health/live").status_code == 200
        server.terminate()
        server.until_it_leaves()
        line.sendall(b"Host: x\r\n\r\n")
        line.settimeout(PATIENCE)
        told = line.recv(65_536)
        assert told.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in told
        assert server.ended_with() == 0


async def test_readiness_says_so_first_and_answers_go_on_meanwhile(world: World) -> None:
    with served(world, DRAIN_SECONDS="100") as server:
        assert server.get("/health/ready").status_code == 200
        server.terminate()
        until(lambda: server.get("/health/ready").status_code == 503)
        leaving = server.get("/health/ready")
        assert leaving.headers["retry-after"]
        assert leaving.headers["content-type"] == "application/problem+json"
        assert server.get("/v1/me").status_code == 200
        server.terminate()  # a second signal: the balancer has seen enough
        assert server.ended_with() == 0


async def test_the_sequencer_finishes_the_round_it_is_in(world: World) -> None:
    with served(world, BACKGROUND="true") as server:
        with locked(world, "log_checkpoints") as holder:
            await a_case(world)
            until(lambda: holder.execute(WAITING).fetchone() == (1,))
            server.terminate()
            server.until_it_leaves()
        assert server.ended_with() == 0
    with world.owner() as owner:
        [indexed] = owner.execute("SELECT count(*) FROM log_entries WHERE log = 'audit'").fetchone() or (0,)
        [signed] = owner.execute("SELECT max(size) FROM log_checkpoints WHERE log = 'audit'").fetchone() or (0,)
        assert (indexed, indexed) == (signed, 1)


async def test_silent_connections_do_not_hold_it(world: World) -> None:
    with served(world) as server:
        lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        assert server.get("/health/live").status_code == 200
        server.terminate()
        assert server.ended_with() == 0
        for line in lines:
            line.close()
