"""The account that runs PostgreSQL: ourselves, or for root an unprivileged one."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from casework.kernel.embedded.files import EmbeddedServerProblem

# No PG*, LD_* or HOME of ours reaches PostgreSQL; messages stay in one language, for the log's readers.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}


class ProgramsNotUsable(EmbeddedServerProblem):
    """PostgreSQL's own programs are missing or do not run here."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"Le PostgreSQL intégré ne peut pas être lancé ici : {why}",
            f"The embedded PostgreSQL cannot be run here: {why}",
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Whom PostgreSQL runs as. `ids`: None for ourselves; root must have another (uid 0 is refused)."""

    ids: tuple[int, int] | None

    @property
    def group(self) -> int | None:
        return self.ids[1] if self.ids else None

    def popen(self, args: list[str], output: int) -> subprocess.Popen[bytes]:
        """Starts `args` in a session of its own: a terminal's Ctrl-C reaches us and never PostgreSQL."""
        uid, gid = self.ids or (None, None)
        return subprocess.Popen(  # noqa: S603 - our own argument lists, no shell
            args,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )

    def run(self, args: list[str]) -> tuple[int, str]:
        """Exit code and output; a program this account cannot even start gives 127."""
        try:
            process = self.popen(args, subprocess.PIPE)
        except OSError as refused:
            return 127, str(refused)
        with process:
            try:
                output, _ = process.communicate()
            except BaseException:
                process.kill()
                raise
        return process.returncode, output.decode(errors="replace").strip()

    def can_enter(self, folder: Path) -> bool:
        """Tried for real: modes, access lists and mount options all have their say."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)])[0] == 0

    def own(self, path: Path) -> None:
        """Hands a file or folder that we just created to this account."""
        if self.ids:
            os.chown(path, *self.ids, follow_symlinks=False)

    def make_own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
        self.own(folder)

    @property
    def uid(self) -> int:
        return self.ids[0] if self.ids else os.geteuid()


def account_for(pgdata: Path) -> Account:
    """Ourselves; for root the owner of existing data, else the system's `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return Account(None)
    if pgdata.exists() and pgdata.stat().st_uid != 0:
        status = pgdata.stat()
        return Account((status.st_uid, status.st_gid))
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account((entry.pw_uid, entry.pw_gid))
    raise ProgramsNotUsable("uid 0; postgres? nobody?")
