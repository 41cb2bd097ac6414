"""What a request left in the tables, seen from outside, and its undoing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

    from casework.evidence.access_oracle import Facts

NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
READ = (
    "SELECT actor_id::text, permission, request_id, case_ids::text[] FROM read_entries WHERE xmin::text::bigint >= %s"
)
LOGS = "SELECT log, count(*) FROM log_leaves WHERE xmin::text::bigint >= %s GROUP BY log"
# Foreign keys and triggers have spoken when the rows were first written.
QUIETLY = "SET LOCAL session_replication_role = replica"


@dataclass(slots=True)
class Seen:
    """Rows written since the last look, by table, and the cases they belong to."""

    written: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    cases: dict[str, set[str]] = field(default_factory=dict)
    read: list[tuple[Any, ...]] = field(default_factory=list)

    logs: dict[str, int] = field(default_factory=dict)
    """New leaves, by log."""

    @property
    def refusal_noted(self) -> bool:
        """All that a refusal may leave behind: leaves of the security log, and their places in the queue."""
        noted = {"log_leaves", "log_queue"}
        return not self.gone and self.written.keys() <= noted and self.logs.keys() <= {"security"}

    @property
    def nothing(self) -> bool:
        return not self.written and not self.gone


class Watch:
    """A transaction that writes takes a number: as long as no number was taken, no row has changed."""

    def __init__(self, watcher: psycopg.AsyncConnection[Any], facts: Facts) -> None:
        self._watcher, self._facts = watcher, facts
        self._since = 0
        self._counts: dict[str, int] = {}
        self._scan = self._scanning()

    def _scanning(self) -> bytes:
        new = "xmin::text::bigint >= %(since)s"
        one = (
            "SELECT '{table}', count(*), count(*) FILTER (WHERE {new}),"
            " array_agg(DISTINCT {case}) FILTER (WHERE {new}) FROM {table}"
        )
        lines = []
        for table, columns in self._facts.columns.items():
            column = "id" if table == "cases" else "case_id" if "case_id" in columns else "NULL"
            lines.append(one.format(table=table, new=new, case=f"{column}::text"))
        return " UNION ALL ".join(lines).encode()

    async def begin(self) -> None:
        """Keep the world as it stands, and start counting."""
        await self._watcher.execute("CREATE SCHEMA kept")
        for table in self._facts.columns:
            await self._watcher.execute(f"CREATE TABLE kept.{table} AS SELECT * FROM public.{table}".encode())
        self._since = await self._next()
        found = await self._watcher.execute(self._scan, {"since": self._since})
        self._counts = {row[0]: row[1] for row in await found.fetchall()}

    async def _next(self) -> int:
        [number] = await (await self._watcher.execute(NEXT)).fetchone() or [0]
        return int(number)

    async def look(self) -> Seen:
        """What was written since the last look; rows of the read log are told one by one."""
        following = await self._next()
        seen = Seen()
        if following == self._since:
            return seen
        found = await self._watcher.execute(self._scan, {"since": self._since})
        for table, count, new, cases in await found.fetchall():
            if new:
                seen.written[table] = new
                seen.cases[table] = {case for case in cases if case}
            if count < self._counts[table]:
                seen.gone[table] = self._counts[table] - count
            self._counts[table] = count
        if "read_entries" in seen.written:
            seen.read = await (await self._watcher.execute(READ, (self._since,))).fetchall()
        if "log_leaves" in seen.written:
            seen.logs = dict(await (await self._watcher.execute(LOGS, (self._since,))).fetchall())
        await self._undo(seen)
        return seen

    async def _undo(self, seen: Seen) -> None:
        """The world as it was kept: every request meets the same rows."""
        async with self._watcher.transaction():
            await self._watcher.execute(QUIETLY)
            for table in {*seen.written, *seen.gone}:
                await self._restore(table)
        for table in {*seen.written, *seen.gone}:
            [count] = await (await self._watcher.execute(f"SELECT count(*) FROM {table}".encode())).fetchone() or [0]
            self._counts[table] = count
        self._since = await self._next()

    async def _restore(self, table: str) -> None:
        here, kept = sql.Identifier("public", table), sql.Identifier("kept", table)
        same = sql.SQL(" AND ").join(
            sql.SQL("k.{0} = t.{0}").format(sql.Identifier(column)) for column in self._facts.keys[table]
        )
        await self._watcher.execute(
            sql.SQL("DELETE FROM {} WHERE xmin::text::bigint >= %s").format(here), (self._since,)
        )
        await self._watcher.execute(
            sql.SQL("INSERT INTO {0} SELECT k.* FROM {1} k WHERE NOT EXISTS (SELECT 1 FROM {0} t WHERE {2})").format(
                here, kept, same
            )
        )
