"""Every committed leaf gets one place, whoever sequences, and nothing is built upon a rewritten past."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from casework.audit import merkle, rebuild, sequencer
from casework.audit.errors import LogDoesNotMatch
from casework.audit.sequencer import ELECTION, Sequencer
from casework.audit.signer import LogName, LogSigner
from casework.kernel.problems import DatabaseAway
from tests.audit.log_writers import record_change, record_milestone, record_milestones

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.conftest import World

pytestmark = pytest.mark.anyio

QUEUED = "SELECT count(*) FROM log_queue"
ENTERED = "SELECT count(*) FROM log_entries"
TREES = ("log_entries", "log_nodes", "log_checkpoints")


def a_sequencer(world: World, signer: LogSigner | None = None) -> Sequencer:
    """As another process would have one: with nothing in its memory."""
    return Sequencer(world.app.state.database, signer or world.app.state.log_signer)


@asynccontextmanager
async def running(*sequencers: Sequencer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(each.run(stop)) for each in sequencers]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def eventually(seen: Callable[[], Any], wanted: Any) -> None:
    """Wait until `wanted` is seen; the bound only keeps a broken test from hanging."""
    async with asyncio.timeout(30):
        while seen() != wanted:  # noqa: ASYNC110 -- what is waited for happens in PostgreSQL, which sends no event
            await asyncio.sleep(0.02)


def stored(world: World, sql: str) -> Any:
    with world.owner() as connection:
        row = connection.execute(sql.encode()).fetchone()
    return row and row[0]


def assert_whole(world: World, log: str, count: int) -> None:
    """Dense indexes, each leaf once, and a newest checkpoint that signs these leaves in this order."""
    with world.owner() as connection:
        entries = connection.execute(
            "SELECT e.index, e.leaf_id, l.body FROM log_entries e JOIN log_leaves l ON l.id = e.leaf_id"
            " WHERE e.log = %s ORDER BY e.index",
            (log,),
        ).fetchall()
        newest = connection.execute(
            "SELECT size, root, note FROM log_checkpoints WHERE log = %s ORDER BY size DESC LIMIT 1", (log,)
        ).fetchone()
    assert [index for index, _, _ in entries] == list(range(count))
    assert len({leaf_id for _, leaf_id, _ in entries}) == count
    root = merkle.root_from_leaves(merkle.leaf_hash(str(body).encode()) for _, _, body in entries)
    assert newest is not None
    assert newest[:2] == (count, root)
    assert world.app.state.log_signer.states(LogName(log), newest[2]) == (count, root)


async def test_leaves_of_concurrent_writers_all_get_a_dense_index(world: World) -> None:
    async def writer() -> None:
        await record_milestones(world, 15)

    async with running(a_sequencer(world)):
        await asyncio.gather(*(writer() for _ in range(6)))
        await eventually(lambda: stored(world, QUEUED), 0)
    assert_whole(world, "milestones", 90)


async def test_two_sequencers_never_give_a_leaf_two_places(world: World) -> None:
    first, second = a_sequencer(world), a_sequencer(world)
    async with running(first, second):
        for number in range(40):
            await record_milestone(world, number)
        await eventually(lambda: stored(world, QUEUED), 0)
    assert_whole(world, "milestones", 40)
    assert (first.mismatch, second.mismatch) == (None, None)


async def test_only_the_elected_sequencer_works(world: World) -> None:
    await record_milestone(world)
    with psycopg.connect(world.owner_url) as rival:
        rival.execute("SELECT pg_advisory_xact_lock(%s)", (ELECTION,))
        assert await a_sequencer(world).tick() == 0
        assert stored(world, QUEUED) == 1
    assert await a_sequencer(world).tick() == 1


async def test_one_sequencer_takes_over_from_another_and_back(world: World) -> None:
    first, second = a_sequencer(world), a_sequencer(world)
    for turn, each in enumerate((first, second, first, second)):
        await record_milestones(world, 3)
        assert await each.tick() == 3
        assert_whole(world, "milestones", 3 * (turn + 1))


async def test_the_two_logs_grow_apart(world: World) -> None:
    await record_milestones(world, 5)
    await record_change(world, {"fields": ["preferences"]})
    assert await a_sequencer(world).tick() == 6
    assert_whole(world, "milestones", 5)
    assert_whole(world, "audit", 1)


async def test_a_full_queue_is_taken_in_several_rounds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "LEAVES_PER_TICK", 4)
    await record_milestones(world, 10)
    each = a_sequencer(world)
    assert [await each.tick() for _ in range(4)] == [4, 4, 2, 0]
    assert_whole(world, "milestones", 10)


async def test_an_open_transaction_is_not_overtaken_by_its_place(world: World) -> None:
    """A leaf written first and committed last comes last: an auditor's cursor has not passed it."""
    with psycopg.connect(world.owner_url) as slow:
        slow.execute(
            "INSERT INTO log_leaves (id, log, body, recorded_at)"
            " VALUES ('00000000-0000-7000-8000-000000000001', 'milestones', '{}', now())"
        )
        await record_milestone(world)
        assert await a_sequencer(world).tick() == 1
        slow.commit()
    assert await a_sequencer(world).tick() == 1
    assert_whole(world, "milestones", 2)
    assert stored(world, "SELECT leaf_id::text FROM log_entries WHERE index = 1").endswith("1")


class KilledWhileSigning(LogSigner):
    """The server's connections die between the writing of the tree and the commit, as often as asked."""

    def __init__(self, world: World, times: int = 1) -> None:
        super().__init__(world.app.state.settings.log_origin, world.app.state.settings.log_seed())
        self.superuser_url, self.times = world.server.url("superuser", world.database), times

    def sign_checkpoint(self, log: LogName, size: int, root: bytes) -> str:
        if self.times:
            self.times -= 1
            with psycopg.connect(self.superuser_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name = 'casework'"
                )
        return super().sign_checkpoint(log, size, root)


async def test_killed_before_its_commit_a_sequencer_leaves_nothing_and_the_next_continues(
    world: World,
) -> None:
    await record_milestones(world, 3)
    await a_sequencer(world).tick()
    await record_milestones(world, 4)
    with pytest.raises((DatabaseAway, psycopg.OperationalError)):
        await a_sequencer(world, KilledWhileSigning(world)).tick()
    assert_whole(world, "milestones", 3)
    assert stored(world, QUEUED) == 4
    assert await a_sequencer(world).tick() == 4
    assert_whole(world, "milestones", 7)


async def test_a_running_sequencer_outlives_the_loss_of_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "AWAY_SECONDS", 0.01)
    signer = KilledWhileSigning(world, times=3)
    async with running(a_sequencer(world, signer)):
        await record_milestones(world, 2)
        await eventually(lambda: stored(world, ENTERED), 2)
    assert signer.times == 0
    assert_whole(world, "milestones", 2)


async def test_a_fault_of_any_kind_does_not_end_the_sequencer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty(LogSigner):
        faults = 2

        def sign_checkpoint(self, log: LogName, size: int, root: bytes) -> str:
            if self.faults:
                self.faults -= 1
                raise RuntimeError("the pen broke")
            return super().sign_checkpoint(log, size, root)

    monkeypatch.setattr(sequencer, "FAULT_SECONDS", 0.01)
    settings = world.app.state.settings
    async with running(a_sequencer(world, Faulty(settings.log_origin, settings.log_seed()))):
        await record_milestone(world)
        await eventually(lambda: stored(world, ENTERED), 1)
    assert_whole(world, "milestones", 1)


async def test_a_rebuild_in_several_batches_gives_the_signed_root(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 3)
    await record_milestones(world, 10)
    await a_sequencer(world).tick()
    await record_milestones(world, 1)
    again = a_sequencer(world)
    await again.rebuild_and_compare()
    assert await again.tick() == 1
    assert_whole(world, "milestones", 11)


TAMPERING = {
    "a leaf edited": "UPDATE log_leaves SET body = replace(body, 'HOUSING', 'ARRIVAL')",
    "two leaves exchanged": "UPDATE log_leaves a SET body = b.body"
    " FROM log_leaves b, log_entries ea, log_entries eb"
    " WHERE ea.leaf_id = a.id AND eb.leaf_id = b.id AND (ea.index, eb.index) IN ((0, 1), (1, 0))",
    "the last entry removed": "DELETE FROM log_entries WHERE index = 4",
    "an entry removed": "DELETE FROM log_entries WHERE index = 2",
    "an entry added beyond the checkpoint": "INSERT INTO log_entries SELECT 'milestones', 5, id, now()"
    " FROM log_leaves l WHERE NOT EXISTS (SELECT FROM log_entries e WHERE e.leaf_id = l.id)",
    "a root exchanged": "UPDATE log_checkpoints SET root = sha256('another')",
    "a subtree exchanged": "UPDATE log_nodes SET hash = sha256('another') WHERE (level, position) = (2, 0)",
    "a subtree removed": "DELETE FROM log_nodes WHERE (level, position) = (0, 4)",
    "the checkpoints removed": "DELETE FROM log_checkpoints",
}


def tamper(world: World, statement: str) -> None:
    """As the owner of the tables, who can disable their guards."""
    with world.owner() as connection:
        for table in ("log_leaves", *TREES):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        changed = connection.execute(statement.encode()).rowcount
        for table in ("log_leaves", *TREES):
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    assert changed > 0


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
async def test_upon_a_rewritten_past_nothing_is_built(world: World, statement: str) -> None:
    await record_milestones(world, 5)
    await a_sequencer(world).tick()
    await record_milestone(world)
    tamper(world, statement)
    fresh = a_sequencer(world)
    with pytest.raises(LogDoesNotMatch) as refusal:
        await fresh.rebuild_and_compare()
    assert "milestones" in refusal.value.text.fr
    assert refusal.value.text.fr != refusal.value.text.en
    with pytest.raises(LogDoesNotMatch):
        await fresh.tick()
    assert stored(world, QUEUED) == 1


async def test_a_log_signed_by_another_key_is_not_continued(world: World) -> None:
    await record_milestones(world, 2)
    await a_sequencer(world).tick()
    stranger = LogSigner(world.app.state.settings.log_origin, bytes(32))
    with pytest.raises(LogDoesNotMatch, match="clé configurée"):
        await a_sequencer(world, stranger).rebuild_and_compare()


async def test_a_process_that_saw_a_checkpoint_refuses_its_rollback(world: World) -> None:
    """A fresh process cannot know of it (only a checkpoint kept elsewhere can); this one does."""
    witness = a_sequencer(world)
    await record_milestones(world, 2)
    await witness.tick()
    await record_milestones(world, 2)
    await witness.tick()
    for table, kept in (("checkpoints", "size <= 2"), ("entries", "index < 2"), ("nodes", "position < 2")):
        tamper(world, f"DELETE FROM log_{table} WHERE NOT ({kept})")
    await record_milestone(world)
    with pytest.raises(LogDoesNotMatch):
        await witness.tick()


async def test_a_leaf_that_vanished_from_the_queue_is_not_passed_over(world: World) -> None:
    await record_milestone(world)
    tamper(world, "WITH links AS (DELETE FROM log_links), openings AS (DELETE FROM log_openings) SELECT 1")
    tamper(world, "DELETE FROM log_leaves")
    with pytest.raises(LogDoesNotMatch, match="disparu"):
        await a_sequencer(world).tick()
    assert stored(world, QUEUED) == 1


async def test_a_running_sequencer_says_that_the_log_does_not_match_until_it_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "MISMATCH_SECONDS", 0.01)
    await record_milestones(world, 2)
    await a_sequencer(world).tick()
    body = stored(world, "SELECT body FROM log_leaves JOIN log_entries ON leaf_id = id WHERE index = 0")
    tamper(world, "UPDATE log_leaves SET body = '{}' WHERE body LIKE '%ARRIVAL%'")
    await record_milestone(world)
    each = a_sequencer(world)
    async with running(each):
        await eventually(lambda: each.mismatch is None, wanted=False)
        assert stored(world, ENTERED) == 2
        tamper(world, f"UPDATE log_leaves SET body = '{body}' WHERE body = '{{}}'")
        await eventually(lambda: stored(world, ENTERED), 3)
        await eventually(lambda: each.mismatch is None, wanted=True)
    assert_whole(world, "milestones", 3)


REWRITING = ("UPDATE {} SET log = log", "DELETE FROM {}", "TRUNCATE {} CASCADE")


@pytest.mark.parametrize("table", ["log_leaves", *TREES])
@pytest.mark.parametrize("statement", REWRITING)
async def test_not_even_the_owner_rewrites_the_log(world: World, table: str, statement: str) -> None:
    await record_milestones(world, 2)
    await world.sequence()
    before = stored(world, f"SELECT count(*) FROM {table}")
    with (
        world.owner() as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="insert-only"),
    ):
        connection.execute(statement.format(table).encode())
    assert stored(world, f"SELECT count(*) FROM {table}") == before > 0


@pytest.mark.parametrize("role", ["casework_caseworker", "casework_auditor", "casework_sequencer"])
@pytest.mark.parametrize("statement", REWRITING)
async def test_the_servers_own_roles_have_no_right_to_try(world: World, role: str, statement: str) -> None:
    with psycopg.connect(world.server_url, autocommit=True) as connection:
        connection.execute(f"SET ROLE {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            connection.execute(statement.format("log_leaves").encode())


def test_a_signer_wants_a_whole_seed_and_a_name_a_key_may_bear() -> None:
    with pytest.raises(ValueError, match="32"):
        LogSigner("casework.example/log", b"short")
    with pytest.raises(ValueError, match="key name"):
        LogSigner("casework example", bytes(32))


def test_no_key_signs_for_two_logs() -> None:
    signer = LogSigner("casework.example/log", bytes(32))
    text = signer.sign_checkpoint(LogName.audit, 0, merkle.EMPTY_ROOT)
    assert signer.states(LogName.audit, text) == (0, merkle.EMPTY_ROOT)
    assert text.startswith("casework.example/log/audit\n0\n")
    with pytest.raises(ValueError, match="no signature by a known key"):
        signer.states(LogName.milestones, text)
    keys = {signer.vkey(log).rpartition("+")[2] for log in LogName}
    assert len(keys) == len(LogName) == 3
