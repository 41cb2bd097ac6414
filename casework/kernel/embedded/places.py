"""Where PostgreSQL's own files go when the data folder does not suit them."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from casework.kernel.embedded.account import Account
from casework.kernel.embedded.files import FolderNotUsable, Record, make_folder

_SOCKET = ".s.PGSQL.5432"
_SOCKET_BYTES = 107  # sockaddr_un.sun_path holds 108 with its final NUL
# Where root puts what its PostgreSQL account must reach: survives restarts, belongs to root.
SHELTERS = Path("/var/lib/casework")


def shelter_for(data_dir: Path, account: Account, *, throwaway: bool) -> Path | None:
    """Where PostgreSQL's files go when `account` cannot enter `data_dir`; None when it can.

    Data that must last never goes under the temporary folder, which a reboot may empty.
    """
    if account.can_enter(data_dir):
        return None
    for home in temporary_homes() if throwaway else [SHELTERS]:
        if is_ours(home, account):
            shelter = home / _shelter_name(data_dir)
            make_folder(shelter, mode=0o710, group=account.group)
            return shelter
    raise FolderNotUsable(
        data_dir,
        f"le compte qui exécute PostgreSQL ne peut pas y entrer, ni dans {SHELTERS}. "
        "Choisissez un dossier accessible avec CASEWORK_DATA_DIR.",
        f"the account that runs PostgreSQL can enter neither it nor {SHELTERS}. "
        "Choose a reachable folder with CASEWORK_DATA_DIR.",
    )


def is_shelter(folder: Path, data_dir: Path) -> bool:
    """Whether `folder` is a place that `shelter_for` may have chosen, and so one that may be deleted."""
    return folder.parent in (SHELTERS, *temporary_homes()) and folder.name == _shelter_name(data_dir)


def _shelter_name(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]


def socket_for(record: Record, data_dir: Path, account: Account) -> str | None:
    """The `socket_dir` to remember, created: None for run/ beside the data when its path suits a socket.

    A comma would split the path where libpq reads a list of hosts.
    """
    run = record.server_dir(data_dir) / "run"
    if _fits(run):
        if not run.is_dir():
            account.make_own(run)
        return None
    if record.socket_dir and _is_private(Path(record.socket_dir), account):
        return record.socket_dir
    for home in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder
        fresh = Path(tempfile.mkdtemp(prefix="casework-", dir=home))
        account.own(fresh)
        if _fits(fresh) and account.can_enter(fresh):
            return str(fresh)
        fresh.rmdir()
    raise FolderNotUsable(run, "son chemin est trop long.", "its path is too long.")


def _fits(folder: Path) -> bool:
    path = os.fsencode(folder / _SOCKET)
    return len(path) <= _SOCKET_BYTES and b"," not in path


def _is_private(folder: Path, account: Account) -> bool:
    """The temporary folder may have been emptied since, and the name taken by someone else."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077


def temporary_homes() -> list[Path]:
    return [Path(tempfile.gettempdir()) / "casework-root", Path("/tmp/casework-root")]  # noqa: S108 - checked by is_ours


def is_ours(home: Path, account: Account) -> bool:
    """True for a folder of root's that nobody else may write in and `account` can enter; made when absent.

    The temporary folder is everyone's: a folder that someone else prepared there is not taken.
    """
    try:
        make_folder(home, mode=0o711)
        status = home.lstat()
    except (FolderNotUsable, OSError):
        return False
    own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return own and account.can_enter(home)
