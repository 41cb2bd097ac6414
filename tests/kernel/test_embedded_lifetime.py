"""The embedded PostgreSQL when its owner leaves: politely, abruptly, or halfway through."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from casework.kernel.embedded import AlreadyRunning, Cluster, open_cluster, running, throwaway_cluster
from casework.kernel.embedded.account import account_for

# A shell gives its background jobs SIGINT ignored, and nohup SIGHUP; a terminal neither.
OWNER = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from casework.kernel.embedded import running
with running(Path(sys.argv[1]), throwaway=sys.argv[2:] != ["lasting"]) as cluster:
    print("ready", flush=True)
    time.sleep(600)
"""
ABANDONED = """
import time
from casework.kernel.embedded import throwaway_cluster
with throwaway_cluster() as cluster:
    print("ready", flush=True)
    time.sleep(600)
"""
BUSY_LOOP = """
import asyncio, sys
from pathlib import Path
from casework.kernel.embedded import running
seen = set()
async def worker():
    try:
        while True:
            for _ in range(1000):
                pass
            await asyncio.sleep(0)
    except BaseException as ending:
        await asyncio.sleep(0.05)  # giving something back takes a few turns of the loop
        seen.add(type(ending).__name__)
        raise
async def main():
    workers = [asyncio.create_task(worker()) for _ in range(6)]
    await asyncio.sleep(0)  # each is inside its block before the signal may come
    print("ready", flush=True)
    await asyncio.gather(*workers)
try:
    with running(Path(sys.argv[1]), throwaway=True):
        asyncio.run(main())
finally:
    print(*seen, flush=True)
"""
KILLED_WHILE = """
import os, signal, sys
from pathlib import Path
from casework.kernel.embedded import {module}, running
def killed(*args, **kwargs):
    {before}
    os.kill(os.getpid(), signal.SIGKILL)
original, {module}.{step} = {module}.{step}, killed
with running(Path(sys.argv[1]), throwaway=True):
    pass
"""


@contextmanager
def owner(script: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """A process that has its cluster up, leader of its own process group as under a terminal."""
    command = [sys.executable, "-c", script, *map(str, args)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def postmaster(cluster: Cluster) -> psutil.Process:
    return psutil.Process(int((cluster.pgdata / "postmaster.pid").read_text().split()[0]))


def count_rows(cluster: Cluster) -> int:
    with psycopg.connect(cluster.url("owner")) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row
    return int(row[0])


def keep_a_row(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("owner")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_stops_postgresql_cleanly(home: Path, sign: signal.Signals) -> None:
    with owner(OWNER, home / "data") as process:
        cluster = open_cluster(home / "data", throwaway=True)
        server = postmaster(cluster)
        assert os.getsid(server.pid) != os.getsid(process.pid)
        with psycopg.connect(cluster.url("owner")):  # a client in the middle of something does not delay it
            os.killpg(process.pid, sign)
            process.wait()
        assert process.returncode == (-signal.SIGINT if sign is signal.SIGINT else 128 + sign)
    assert not server.is_running()
    assert not (cluster.pgdata / "postmaster.pid").exists()
    assert cluster.log.read_text().splitlines()[-1].endswith("LOG:  database system is shut down")
    cluster.erase()
    assert not list(home.iterdir())


def test_a_signal_into_a_running_event_loop_lets_its_tasks_give_back_what_they_hold(home: Path) -> None:
    with owner(BUSY_LOOP, home / "data") as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout
        assert process.stdout.read() == "CancelledError\n"
        assert process.wait() == 128 + signal.SIGTERM
    open_cluster(home / "data", throwaway=True).erase()


def test_after_kill_9_the_next_start_stops_the_orphan_and_goes_on(home: Path) -> None:
    with owner(OWNER, home / "data") as process:
        cluster = open_cluster(home / "data", throwaway=True)
        keep_a_row(cluster)
        orphan = postmaster(cluster)
        with pytest.raises(AlreadyRunning) as refused:
            cluster.start()
        assert refused.value.pid == process.pid
        process.kill()
    assert orphan.is_running()
    with running(home / "data", throwaway=True):
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        assert postmaster(cluster) != orphan
        assert "database system was shut down" in cluster.log.read_text().rsplit("starting PostgreSQL", 1)[1]
        assert count_rows(cluster) == 1
    cluster.erase()


def test_after_a_crash_of_everything_what_was_committed_is_there(home: Path) -> None:
    with owner(OWNER, home / "data", "lasting") as process:
        cluster = open_cluster(home / "data")
        keep_a_row(cluster)
        family = [postmaster(cluster), *postmaster(cluster).children(recursive=True)]
        for each in [psutil.Process(process.pid), *family]:
            with suppress(psutil.NoSuchProcess):  # a worker that ended by itself meanwhile
                each.kill()
    psutil.wait_procs(family)
    assert (cluster.pgdata / "postmaster.pid").exists()
    with running(home / "data"):
        assert "automatic recovery in progress" in cluster.log.read_text()
        assert count_rows(cluster) == 1


def test_a_stale_number_that_passed_to_a_stranger_does_no_harm(home: Path) -> None:
    with running(home / "data", throwaway=True) as cluster:
        lines = (cluster.pgdata / "postmaster.pid").read_text().splitlines()
    account = account_for(cluster.pgdata)
    with account.popen(["/bin/sleep", "600"], subprocess.DEVNULL) as stranger:
        stale = cluster.pgdata / "postmaster.pid"
        stale.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        account.own(stale)
        try:
            with running(home / "data", throwaway=True):
                assert postmaster(cluster).pid != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()
    cluster.erase()


@pytest.mark.parametrize(
    ("module", "step", "before"),
    [
        ("process", "initialise", "original(*args, **kwargs)"),
        ("roles", "create_logins", ""),
        ("roles", "create_database", "original(*args)"),
    ],
)
def test_an_initialisation_cut_short_is_never_half_used(home: Path, module: str, step: str, before: str) -> None:
    script = KILLED_WHILE.format(module=module, step=step, before=before or "pass")
    killed = subprocess.run([sys.executable, "-c", script, home / "data"], check=False)
    assert killed.returncode == -signal.SIGKILL
    with running(home / "data", throwaway=True) as cluster:
        for role in ("owner", "server"):
            with psycopg.connect(cluster.url(role)) as connection:
                connection.execute("SELECT 1")
        with psycopg.connect(cluster.url("superuser")) as connection:
            rights = connection.execute("SELECT datacl::text FROM pg_database WHERE datname = 'casework'").fetchone()
        assert rights == ("{casework_owner=CTc/casework_owner,casework_server=c/casework_owner}",)
        keep_a_row(cluster)
    with running(home / "data", throwaway=True):
        assert count_rows(cluster) == 1  # a finished one is never redone
    cluster.erase()


def test_what_a_killed_trial_left_is_swept_by_the_next(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    with owner(ABANDONED) as process:
        [left] = home.iterdir()
        orphan = postmaster(Cluster(left))
        with throwaway_cluster():
            assert left.exists()  # its owner lives
        process.kill()
    waiting = open_cluster(home / "casework-waiting", throwaway=True)
    with throwaway_cluster():
        assert not left.exists()
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        assert waiting.pgdata.exists()  # opened by someone about to start it
    waiting.erase()
    assert not list(home.iterdir())


def test_a_failing_block_and_a_stop_said_twice_leave_nothing_behind(home: Path) -> None:
    def fail() -> None:
        with running(home / "data", throwaway=True) as cluster:
            servers.append((cluster, postmaster(cluster)))
            raise LookupError

    servers: list[tuple[Cluster, psutil.Process]] = []
    with pytest.raises(LookupError):
        fail()
    [(cluster, server)] = servers
    assert not server.is_running()
    cluster.stop()
    cluster.erase()


def test_a_forked_child_does_not_stop_its_parents_server(home: Path) -> None:
    with running(home / "data", throwaway=True) as cluster:
        child = os.fork()
        if child == 0:
            cluster.stop()
            os._exit(0)
        os.waitpid(child, 0)
        assert postmaster(cluster).is_running()
        with pytest.raises(AlreadyRunning) as refused:
            open_cluster(home / "data", throwaway=True).start()
        assert refused.value.pid == os.getpid()
    cluster.erase()
