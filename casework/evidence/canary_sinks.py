"""The margins into which data could leak, each read whole: logs, answers, measures, PostgreSQL's files, exports."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from casework.kernel.embedded.account import account_for
from casework.kernel.embedded.programs import programs_for

if TYPE_CHECKING:
    from casework.evidence.canary_journey import Traffic
    from casework.evidence.child import Child
    from casework.kernel.embedded import Cluster

REQUEST_LINE = b'"event": "request"'
TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'drill') ORDER BY 1"
STATISTICS = "SELECT s::text FROM pg_stats s WHERE schemaname IN ('public', 'drill')"
ACTIVITY = "SELECT a::text FROM pg_stat_activity a WHERE pid <> pg_backend_pid()"
SAMPLE_SECONDS = 0.02


class Sink:
    """`holds_rows`: a copy of the tables, where what stands open in a row stands too."""

    def __init__(self, name: str, read: Callable[[], Iterable[bytes]], *, holds_rows: bool = False) -> None:
        self.name, self.read, self.holds_rows = name, read, holds_rows


@dataclass(slots=True)
class Place:
    """One run: the cluster, what its server wrote, and what its clients were sent."""

    cluster: Cluster
    errors: Path
    traffic: list[Traffic] = field(default_factory=list)
    measures: list[bytes] = field(default_factory=list)
    exports: dict[str, list[bytes]] = field(default_factory=dict)
    processes: list[bytes] = field(default_factory=list)
    activity: set[bytes] = field(default_factory=set)
    # Where the second half of a log begins: what a crash left, and a PostgreSQL with ordinary settings.
    crash_at: int = 0
    stock_at: int = 0

    def superuser(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.cluster.url("superuser", "casework"), autocommit=True)


def sinks(place: Place) -> list[Sink]:
    def lines(*, requests: bool) -> bytes:
        written = place.errors.read_bytes()[: place.crash_at].splitlines(keepends=True)
        return b"".join(line for line in written if (REQUEST_LINE in line) is requests)

    def postgresql_log() -> bytes:
        return place.cluster.log.read_bytes()

    return [
        Sink("application_log", lambda: [lines(requests=False)]),
        Sink("access_log", lambda: [lines(requests=True)]),
        Sink("crash_report", lambda: [place.errors.read_bytes()[place.crash_at :]]),
        Sink("problems", lambda: [body for one in place.traffic for body in one.problems]),
        Sink("answer_headers", lambda: [head for one in place.traffic for head in one.heads]),
        Sink("metrics", lambda: place.measures),
        Sink("processes", lambda: place.processes),
        Sink("postgresql_log", lambda: [postgresql_log()[: place.stock_at]]),
        Sink("postgresql_log_stock_settings", lambda: [postgresql_log()[place.stock_at :]]),
        Sink("postgresql_activity", lambda: sorted(place.activity)),
        Sink("postgresql_statistics", lambda: _rows(place, STATISTICS), holds_rows=True),
        Sink("database_dump", lambda: [_dump(place)], holds_rows=True),
        Sink("wal", lambda: _files(place.cluster.pgdata / "pg_wal"), holds_rows=True),
        Sink("data_files", lambda: _files(place.cluster.pgdata, but="pg_wal"), holds_rows=True),
        Sink("milestone_log_export", lambda: place.exports["milestone-log"]),
        Sink("audit_log_export", lambda: place.exports["audit-log"]),
        Sink("read_entries", lambda: _rows(place, "SELECT r::text FROM read_entries r")),
        Sink("idempotency_records", lambda: _rows(place, "SELECT r::text FROM idempotency_records r")),
    ]


def _rows(place: Place, query: str) -> list[bytes]:
    with place.superuser() as connection:
        return [str(row[0]).encode() for row in connection.execute(query.encode())]


def _dump(place: Place) -> bytes:
    """pg_dump as the owner's backup runs it; a row-secured table needs its superuser."""
    pg_dump = programs_for(account_for(place.cluster.pgdata)) / "pg_dump"
    if pg_dump.exists():
        command = [str(pg_dump), "--dbname", place.cluster.url("superuser", "casework")]
        return subprocess.run(command, capture_output=True, check=True, timeout=300).stdout  # noqa: S603 -- our own
    return b"".join(_copied(place))


def _copied(place: Place) -> Iterator[bytes]:
    """What pg_dump puts into its file, where the copied programs have no pg_dump."""
    with place.superuser() as connection, connection.cursor() as cursor:
        for name in connection.execute(TABLES).fetchall():
            with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*name))) as copy:
                yield from (bytes(data) for data in copy)


def _files(folder: Path, but: str | None = None) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and but not in path.relative_to(folder).parts:
            try:
                yield path.read_bytes()
            except FileNotFoundError:
                continue  # PostgreSQL removes its own files while we look


def settle(place: Place) -> None:
    """Statistics gathered and every page written, so that the files hold what the tables hold."""
    with place.superuser() as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")


def gather(place: Place, child: Child, traffic: Traffic) -> None:
    """What can only be had while the server runs: measures, exports, its own and PostgreSQL's processes."""
    measures = traffic.send(None, "GET", "/metrics").content
    place.measures.append(measures)
    for name in ("milestone-log", "audit-log"):
        place.exports.setdefault(name, []).append(
            traffic.send("aurele", "GET", f"/v1/{name}?limit=5000&proofs=true").content
        )
    for pid in [child.pid, *_postgres(place)]:
        for name in ("cmdline", "environ"):
            try:
                place.processes.append(Path(f"/proc/{pid}/{name}").read_bytes())
            except OSError:
                continue  # ended meanwhile, or a system without /proc


def _postgres(place: Place) -> list[int]:
    with place.superuser() as connection:
        return [int(str(row[0])) for row in connection.execute("SELECT pid FROM pg_stat_activity")]


class Watching:
    """Samples what a monitoring tool would see of the statements under way."""

    def __init__(self, place: Place) -> None:
        self._place, self._stop = place, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        with self._place.superuser() as connection:
            while not self._stop.is_set():
                self._place.activity.update(str(row[0]).encode() for row in connection.execute(ACTIVITY))
                time.sleep(SAMPLE_SECONDS)
