"""What the embedded server keeps on disk: its folder, its passwords, its lock.

    data_dir/            0700; for root 0710, group of the account that runs PostgreSQL, so that it may pass
      secrets.json       0600, ours: passwords and how far the initialisation went
      lock               0600, ours: held (flock) by the process that started the server
      server.log         0600, ours: PostgreSQL only receives the open file
      pgdata/  run/      0700, PostgreSQL's: the data, the unix socket

When root's PostgreSQL account cannot enter `data_dir`, pgdata/, run/ and server.log live in a *shelter*
elsewhere and secrets.json says where.
"""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Self

Stage = Literal["initdb", "roles", "ready"]
Role = Literal["superuser", "owner", "server"]

SECRETS = "secrets.json"
LOCK = "lock"
_OURS = {SECRETS, f"{SECRETS}.new", LOCK}
_ANOTHERS = ("il appartient à un autre utilisateur.", "it belongs to another user.")


class EmbeddedServerProblem(Exception):
    """Something a person must be told, in both languages; `str()` gives both, French first."""

    def __init__(self, fr: str, en: str) -> None:
        super().__init__(f"{fr}\n{en}")
        self.fr = fr
        self.en = en


class AlreadyRunning(EmbeddedServerProblem):
    """Another live process holds the folder. `pid` is None when the holder has not written it yet."""

    def __init__(self, pid: int | None, data_dir: Path) -> None:
        self.pid = pid
        self.data_dir = data_dir
        shown = "?" if pid is None else pid
        super().__init__(
            f"Casework utilise déjà le dossier {data_dir} (processus {shown}). "
            "Arrêtez ce processus, ou choisissez un autre dossier avec CASEWORK_DATA_DIR.",
            f"Casework already uses the folder {data_dir} (process {shown}). "
            "Stop that process, or choose another folder with CASEWORK_DATA_DIR.",
        )


class FolderNotUsable(EmbeddedServerProblem):
    """The folder cannot hold, or must not be taken for, a Casework database."""

    def __init__(self, folder: Path, fr: str, en: str) -> None:
        self.folder = folder
        super().__init__(f"Le dossier {folder} ne convient pas : {fr}", f"The folder {folder} cannot be used: {en}")


@dataclass(frozen=True, slots=True)
class Record:
    """The content of secrets.json. `stage` names the next step of the initialisation still to be done.

    `shelter` and `socket_dir` are absolute paths, None when they are inside `data_dir` (so that a folder
    may be moved while its server is stopped).
    """

    stage: Stage
    throwaway: bool
    passwords: dict[Role, str]
    shelter: str | None = None
    socket_dir: str | None = None

    @classmethod
    def new(cls, *, throwaway: bool) -> Self:
        roles: tuple[Role, ...] = ("superuser", "owner", "server")
        return cls("initdb", throwaway, {role: secrets.token_urlsafe(32) for role in roles})

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """None when the folder was never initialised. A file we cannot read or understand is a problem."""
        path = data_dir / SECRETS
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except PermissionError as refused:
            raise FolderNotUsable(data_dir, *_ANOTHERS) from refused
        except (ValueError, TypeError) as broken:
            raise FolderNotUsable(data_dir, f"{SECRETS} est illisible.", f"{SECRETS} is unreadable.") from broken

    def write(self, data_dir: Path) -> None:
        """Atomic and durable: a crash leaves the previous record or this one. Its owner stays its owner."""
        target, fresh = data_dir / SECRETS, data_dir / f"{SECRETS}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(open_private(fresh, os.O_WRONLY | os.O_EXCL), "w", encoding="utf-8") as file:
            if os.geteuid() == 0 and target.exists():
                os.fchown(file.fileno(), target.stat().st_uid, target.stat().st_gid)
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
        sync_folder(data_dir)

    def server_dir(self, data_dir: Path) -> Path:
        return Path(self.shelter) if self.shelter else data_dir

    def pgdata(self, data_dir: Path) -> Path:
        return self.server_dir(data_dir) / "pgdata"

    def socket(self, data_dir: Path) -> Path:
        """The folder of the unix socket."""
        return Path(self.socket_dir) if self.socket_dir else self.server_dir(data_dir) / "run"

    def at(self, stage: Stage) -> Self:
        return replace(self, stage=stage)


def open_private(path: Path, flags: int) -> int:
    """A descriptor on a 0600 file, created when absent, never followed through a symbolic link."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, *, mode: int = 0o700, group: int | None = None) -> None:
    """Creates `folder` and its missing parents; an existing folder is left exactly as it is.

    When `mode` lets others pass, so do the new parents; nobody may ever list them.
    """
    try:
        missing = [parent for parent in folder.parents if not parent.exists()]
        for parent in reversed(missing):
            _make(parent, 0o700 if mode == 0o700 else 0o711)
        if _make(folder, mode) and group is not None:
            os.chown(folder, -1, group)
    except OSError as refused:
        why = refused.strerror or str(refused)
        raise FolderNotUsable(folder, f"impossible de le créer ({why}).", f"cannot create it ({why}).") from refused


def _make(folder: Path, mode: int) -> bool:
    """True when the folder is new."""
    try:
        folder.mkdir(mode=mode)
    except FileExistsError:
        if folder.is_dir():
            return False
        raise
    folder.chmod(mode)  # the umask may have taken bits away
    return True


def list_folder(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except PermissionError as refused:
        raise FolderNotUsable(folder, *_ANOTHERS) from refused


def refuse_foreign(folder: Path, found: set[str]) -> None:
    """A folder without secrets.json may only be empty: we neither mix with foreign files nor lose data."""
    if "pgdata" in found:
        raise FolderNotUsable(
            folder,
            f"il contient une base de données, mais {SECRETS} a disparu. Restaurez ce fichier.",
            f"it holds a database, but {SECRETS} has gone. Restore that file.",
        )
    foreign = sorted(found - _OURS)
    if foreign:
        raise FolderNotUsable(
            folder,
            f"il contient déjà autre chose ({foreign[0]}).",
            f"it already holds something else ({foreign[0]}).",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FolderNotUsable(folder, *_ANOTHERS)


def take_lock(data_dir: Path) -> int:
    """The descriptor that holds the folder until it is closed or its process dies.

    flock, not lockf: it also excludes a second start inside one process, and reading the file does not
    drop it. PostgreSQL does not inherit it.
    """
    descriptor = open_private(data_dir / LOCK, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.read(descriptor, 32).strip()
        os.close(descriptor)
        pid = int(written) if written.isdigit() else None
        raise AlreadyRunning(pid, data_dir) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def release_lock(descriptor: int) -> None:
    with suppress(OSError):  # the next holder overwrites the number; an empty file is only tidier
        os.ftruncate(descriptor, 0)
    os.close(descriptor)
