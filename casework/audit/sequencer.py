"""The one hand that gives committed leaves their dense index, grows the trees and signs (audit.md §2)."""

from __future__ import annotations

import asyncio
import copy
import secrets
from typing import TYPE_CHECKING

import psycopg
import structlog

from casework.audit import rebuild
from casework.audit.errors import LogDoesNotMatch
from casework.audit.merkle import Frontier, leaf_hash
from casework.audit.signer import LogName
from casework.authz.caller import system
from casework.authz.policy import SystemActor
from casework.kernel import clock
from casework.kernel.problems import DatabaseAway

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from casework.audit.merkle import Node
    from casework.audit.signer import LogSigner
    from casework.kernel.database import Database, Session

__all__ = ["LogDoesNotMatch", "Sequencer"]

log_lines = structlog.get_logger("casework.sequencer")

ELECTION = int.from_bytes(b"case log", "big")
"""Key of the advisory lock, for the time of one transaction (so that it works behind PgBouncer)."""
LEAVES_PER_TICK = 2_000
IDLE_SECONDS = 0.15
AWAY_SECONDS = 2.0
FAULT_SECONDS = 5.0
MISMATCH_SECONDS = 60.0

# An idle process asks nothing more, and does not compete.
ELECT = "SELECT EXISTS (SELECT FROM log_queue) AND pg_try_advisory_xact_lock(%s)"
# The order is UUIDv7's, about that of the writing; whatever commits later simply gets a later index.
TAKE = """
WITH taken AS (
  DELETE FROM log_queue
  WHERE leaf_id = ANY (ARRAY(SELECT leaf_id FROM log_queue WHERE log = %s ORDER BY leaf_id LIMIT %s))
  RETURNING leaf_id
)
SELECT taken.leaf_id, l.body FROM taken
LEFT JOIN LATERAL (SELECT body FROM log_leaves WHERE id = taken.leaf_id OFFSET 0) AS l ON true
ORDER BY taken.leaf_id
"""
# Arrays, not one statement a row: row security evaluates the caller's context once a statement.
ENTRIES = """
INSERT INTO log_entries (log, index, leaf_id, sequenced_at)
SELECT %s, %s + n - 1, leaf_id, %s FROM unnest(%s::uuid[]) WITH ORDINALITY AS leaf (leaf_id, n)
"""
NODES = """
INSERT INTO log_nodes (log, level, position, hash)
SELECT %s, level, position, hash
FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[]) AS node (level, position, hash)
"""
CHECKPOINT = "INSERT INTO log_checkpoints (log, size, root, note, signed_at) VALUES (%s, %s, %s, %s, %s)"


class Sequencer:
    """`mismatch` is set while the stored log contradicts its signature: the server is then not ready.

    `_trees` holds what this process has read and hashed itself; it moves forward only, after each commit.
    """

    def __init__(self, database: Database, signer: LogSigner) -> None:
        self._database, self._signer = database, signer
        self._trees: dict[LogName, Frontier] = {}
        self.mismatch: LogDoesNotMatch | None = None

    async def rebuild_and_compare(self) -> None:
        """Read every leaf of both logs again; raises LogDoesNotMatch unless they give the signed roots.

        In batches, each a transaction of its own since what is sequenced never changes: memory is constant.
        """
        trees = {}
        for log in LogName:
            trees[log] = Frontier()
            async with self._transaction() as session:
                stated = await rebuild.published(session, self._signer, log)
                await rebuild.compare_nodes(session, log, stated)
            while trees[log].size < stated[0]:
                async with self._transaction() as session:
                    await rebuild.read_on(session, log, trees[log], stated[0])
            rebuild.compare(log, trees[log], stated)
        self._trees = trees

    async def tick(self) -> int:
        """One round, one transaction: the number of leaves given an index.

        0 when none waits, or when another process is elected. Raises LogDoesNotMatch and DatabaseAway;
        nothing is then stored.
        """
        if not self._trees:
            await self.rebuild_and_compare()
        async with self._transaction() as session:
            if await session.rows(ELECT, (ELECTION,)) != [(True,)]:
                return 0
            grown = [await self._grow(session, log) for log in LogName]
        self._trees.update({log: tree for log, tree, _ in grown})
        return sum(count for _, _, count in grown)

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until `stop`; a database that is away is waited for, and no fault ends the loop."""
        while not stop.is_set():
            seconds = await self._round(stop)
            try:
                await asyncio.wait_for(stop.wait(), seconds * (0.8 + secrets.randbelow(400) / 1000))
            except TimeoutError:
                continue

    async def _round(self, stop: asyncio.Event) -> float:
        """Tick until the queue is empty; returns the seconds to wait."""
        try:
            while await self.tick() and not stop.is_set():
                pass
        except (DatabaseAway, psycopg.OperationalError) as error:
            log_lines.warning("sequencer_waits_for_database", kind=type(error).__name__)
            return AWAY_SECONDS
        except LogDoesNotMatch as error:
            self.mismatch, self._trees = error, {}
            log_lines.error("sequencing_refused", kind=type(error).__name__)  # noqa: TRY400 -- kind only
            return MISMATCH_SECONDS
        except Exception as error:  # noqa: BLE001 -- a sequencer that died silently would stop the log
            log_lines.error("sequencing_failed", kind=type(error).__name__)  # noqa: TRY400 -- kind only
            return FAULT_SECONDS
        self.mismatch = None
        return IDLE_SECONDS

    def _transaction(self) -> AbstractAsyncContextManager[Session]:
        return self._database.transaction(system(SystemActor.sequencer).context())

    async def _grow(self, session: Session, log: LogName) -> tuple[LogName, Frontier, int]:
        taken = await session.rows(TAKE, (log, LEAVES_PER_TICK))
        if not taken:
            return log, self._trees[log], 0
        tree = await self._caught_up(session, log)
        first = tree.size
        nodes: list[Node] = []
        for leaf_id, body in taken:
            if body is None:
                raise rebuild.mismatch(log, f"la feuille {leaf_id} a disparu.", f"leaf {leaf_id} is gone.")
            nodes += tree.append(leaf_hash(body.encode()))
        await _store(session, log, first, [leaf_id for leaf_id, _ in taken], nodes)
        signed = self._signer.sign_checkpoint(log, tree.size, tree.root)
        await session.rows(CHECKPOINT, (log, tree.size, tree.root, signed, clock.now()))
        return log, tree, len(taken)

    async def _caught_up(self, session: Session, log: LogName) -> Frontier:
        """A copy of our tree, grown by what another process has published since; raises LogDoesNotMatch."""
        tree = copy.deepcopy(self._trees[log])
        stated = await rebuild.published(session, self._signer, log)
        while tree.size < stated[0]:
            await rebuild.read_on(session, log, tree, stated[0])
        # Also refuses a smaller tree: what this process has once read as published was rolled back.
        rebuild.compare(log, tree, stated)
        return tree


async def _store(session: Session, log: LogName, first: int, leaf_ids: list[UUID], nodes: list[Node]) -> None:
    """Dense indexes from `first` on, and every subtree they complete."""
    await session.rows(ENTRIES, (log, first, clock.now(), leaf_ids))
    levels, positions, hashes = [list(column) for column in zip(*nodes, strict=True)]
    await session.rows(NODES, (log, levels, positions, hashes))
