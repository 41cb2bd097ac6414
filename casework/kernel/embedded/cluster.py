"""A cluster: its life as a process, its addresses, its databases."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from casework.kernel.embedded import process, roles
from casework.kernel.embedded.account import account_for
from casework.kernel.embedded.files import FolderNotUsable, Record, Role, release_lock, take_lock
from casework.kernel.embedded.places import is_shelter, socket_for
from casework.kernel.embedded.programs import programs_for
from casework.kernel.embedded.roles import DATABASE, LOGINS


@dataclass(slots=True)
class _Held:
    """What this process holds while it runs the server."""

    lock: int | None = None
    process: subprocess.Popen[bytes] | None = None
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """An initialised data folder; see `files` for what it contains."""

    data_dir: Path
    _held: _Held = field(default_factory=_Held, repr=False, compare=False)

    @property
    def pgdata(self) -> Path:
        return self._record().pgdata(self.data_dir)

    @property
    def log(self) -> Path:
        return self.pgdata.with_name("server.log")

    def start(self) -> None:
        """Raises AlreadyRunning while another process holds the folder; ServerDidNotStart.

        A server left by a killed process is stopped cleanly first. Blocks until connections are accepted.
        """
        lock = take_lock(self.data_dir)
        self._held.lock, self._held.pid = lock, os.getpid()
        try:
            self._launch()
            if self._record().stage == "roles":
                self._create_roles()
                self._record().at("ready").write(self.data_dir)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown of the server that this object started; does nothing when there is none.

        A forked child of the owner stops nothing.
        """
        held = self._held
        if held.pid != os.getpid():
            return
        if held.process is not None:
            process.stop(held.process)
            held.process = None
        if held.lock is not None:
            release_lock(held.lock)
            held.lock = None

    def url(self, role: Role, database: str = DATABASE) -> str:
        """A libpq URI over the unix socket. It contains the password: never log it.

        Ask for it after `start`, which may move the socket.
        """
        record = self._record()
        login, password = LOGINS[role], quote(record.passwords[role], safe="")
        host = quote(str(record.socket(self.data_dir)), safe="")
        return f"postgresql://{login}:{password}@/{quote(database, safe='')}?host={host}"

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """Owned by casework_owner; casework_server may connect; nobody else may.

        `template` copies a database nobody is connected to (a migrated one, in tests).
        """
        with self._superuser() as connection:
            roles.create_database(connection, name, template)
        with self._superuser(name) as connection:
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    def drop_database(self, name: str) -> None:
        """Ends the sessions that still use it. Does nothing when it does not exist."""
        with self._superuser() as connection:
            roles.drop_database(connection, name)

    def erase(self) -> None:
        """Stops the server and deletes everything. Refuses data to be kept; AlreadyRunning when in use."""
        record = self._record()
        if not record.throwaway:
            raise FolderNotUsable(self.data_dir, "il contient des données à conserver.", "it holds data to be kept.")
        self.stop()
        lock = take_lock(self.data_dir)
        try:
            process.settle_previous(record.pgdata(self.data_dir))
            if record.socket_dir:
                with suppress(OSError):  # the server took its socket away; anything else is not ours to delete
                    Path(record.socket_dir).rmdir()
            if record.shelter and is_shelter(Path(record.shelter), self.data_dir):
                shutil.rmtree(record.shelter)
            shutil.rmtree(self.data_dir)
        finally:
            os.close(lock)

    def _record(self) -> Record:
        record = Record.read(self.data_dir)
        if record is None:
            raise FolderNotUsable(self.data_dir, "secrets.json a disparu.", "secrets.json has gone.")
        return record

    def _launch(self) -> None:
        record, account = self._record(), account_for(self.pgdata)
        pgdata = record.pgdata(self.data_dir)
        process.settle_previous(pgdata)
        moved = socket_for(record, self.data_dir, account)
        if moved != record.socket_dir:
            record = replace(record, socket_dir=moved)
            record.write(self.data_dir)
        programs, socket = programs_for(account), record.socket(self.data_dir)
        server = process.launch(account, programs, pgdata, socket, throwaway=record.throwaway)
        self._held.process = server
        process.wait_ready(server, pgdata)

    def _create_roles(self) -> None:
        """May be repeated: an initialisation cut short here is finished by the next start."""
        with self._superuser() as connection:
            roles.create_logins(connection, self._record().passwords)
        self.drop_database(DATABASE)  # perhaps without its grants; nobody has had its address yet
        self.create_database(DATABASE)

    @contextmanager
    def _superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.url("superuser", database), autocommit=True) as connection:
            yield connection
