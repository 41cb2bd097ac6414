"""Open a folder as a cluster; run its server for the time of a block."""

import asyncio
import hashlib
import os
import secrets
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from casework.kernel.embedded import process
from casework.kernel.embedded.account import Account, account_for
from casework.kernel.embedded.cluster import Cluster
from casework.kernel.embedded.files import (
    SECRETS,
    EmbeddedServerProblem,
    FolderNotUsable,
    Record,
    list_folder,
    make_folder,
    refuse_foreign,
    release_lock,
    take_lock,
)
from casework.kernel.embedded.places import shelter_for
from casework.kernel.embedded.programs import programs_for


def default_data_dir() -> Path:
    """One folder per checkout, under $XDG_DATA_HOME (ignored when relative, as its specification asks)."""
    asked = Path(os.environ.get("XDG_DATA_HOME", ""))
    home = asked if asked.is_absolute() else Path.home() / ".local" / "share"
    checkout = Path(__file__).resolve().parents[3]
    return home / "casework" / hashlib.sha256(os.fsencode(checkout)).hexdigest()[:12]


def open_cluster(data_dir: Path, *, throwaway: bool = False) -> Cluster:
    """The cluster of `data_dir`, initialised when the folder is absent or empty, reused otherwise.

    `throwaway` trades all durability for speed (tests, `demo --once`); a folder keeps the kind it was made
    with and is refused as the other. Raises FolderNotUsable, ProgramsNotUsable, AlreadyRunning (while
    another process initialises it). A running cluster may be opened, for its addresses.
    """
    data_dir = Path(os.path.abspath(data_dir))  # noqa: PTH100 - resolve() would follow links the user chose
    account = account_for(data_dir / "pgdata")
    make_folder(data_dir, mode=0o710 if account.ids else 0o700, group=account.group)
    found = list_folder(data_dir)  # before the record: another start may be writing both
    record = Record.read(data_dir)
    if record is None:
        refuse_foreign(data_dir, found)
    if record is None or record.stage == "initdb":
        record = _initialise(data_dir, account, throwaway=throwaway)
    if record.throwaway != throwaway:
        raise FolderNotUsable(
            data_dir,
            "il a été créé pour " + ("des essais." if record.throwaway else "des données à conserver."),
            "it was made for " + ("trials." if record.throwaway else "data to be kept."),
        )
    return Cluster(data_dir)


@contextmanager
def running(data_dir: Path, *, throwaway: bool = False) -> Iterator[Cluster]:
    """Starts the server and stops it on the way out: normal end, exception, SIGINT, SIGTERM or SIGHUP.

    SIGTERM and SIGHUP leave the block as SystemExit(128 + signal). After `kill -9` the next start settles.
    """
    leave = _Leave()
    with _handled(leave, signal.SIGTERM, signal.SIGHUP):
        cluster = open_cluster(data_dir, throwaway=throwaway)
        try:
            cluster.start()
            yield cluster
        except asyncio.CancelledError:
            if leave.asked_by is None:
                raise
            raise SystemExit(128 + leave.asked_by) from None
        finally:
            with _handled(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                cluster.stop()


@contextmanager
def throwaway_cluster() -> Iterator[Cluster]:
    """A running cluster in a new temporary folder, deleted afterwards."""
    home = Path(tempfile.gettempdir())
    _sweep(home)
    data_dir = home / f"casework-{secrets.token_hex(6)}"
    try:
        with running(data_dir, throwaway=True) as cluster:
            yield cluster
    finally:
        if (data_dir / SECRETS).exists():
            Cluster(data_dir).erase()


def _sweep(home: Path) -> None:
    """Erases what killed owners of throwaway clusters left here, servers included.

    Only a killed owner leaves its number in the lock file. The folder and the file must be ours: anyone may
    put a folder of that name in the temporary folder.
    """
    for lock in home.glob("casework-*/lock"):
        with suppress(EmbeddedServerProblem, OSError):
            ours = lock.parent.lstat().st_uid == lock.lstat().st_uid == os.geteuid()
            if ours and lock.read_bytes().strip():
                Cluster(lock.parent).erase()


def _initialise(data_dir: Path, account: Account, *, throwaway: bool) -> Record:
    lock = take_lock(data_dir)
    try:
        known = Record.read(data_dir)
        if known and known.stage != "initdb":
            return known  # another process did it since we looked
        shelter = shelter_for(data_dir, account, throwaway=throwaway)
        if shelter and not known and not throwaway:
            refuse_foreign(shelter, list_folder(shelter))
        record = replace(known or Record.new(throwaway=throwaway), shelter=str(shelter) if shelter else None)
        record.write(data_dir)
        process.initialise(
            account, programs_for(account), record.pgdata(data_dir), record.passwords["superuser"],
            throwaway=record.throwaway,
        )  # fmt: skip
        record = record.at("roles")
        record.write(data_dir)
        return record
    finally:
        release_lock(lock)


class _Leave:
    """Ends the block: at once, or through the tasks of an event loop that runs in it.

    An exception raised into a running loop tears it down between two steps, and what its tasks hold (connections,
    transactions, threads) is never given back: the process then waits for it for ever.
    """

    def __init__(self) -> None:
        self.asked_by: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise SystemExit(128 + number) from None
        if self.asked_by is not None:  # said twice: no more patience
            raise SystemExit(128 + number)
        self.asked_by = number
        loop.call_soon_threadsafe(_cancel_all, loop)


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None] | signal.Handlers, *numbers: int) -> Iterator[None]:
    """Signals this process was started to ignore (`nohup`) stay ignored; main thread only."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
