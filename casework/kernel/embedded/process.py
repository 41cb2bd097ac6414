"""One PostgreSQL server process: initialise its data, start it, find it again, stop it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from casework.kernel.embedded.account import Account
from casework.kernel.embedded.files import AlreadyRunning, EmbeddedServerProblem, open_private, sync_folder

# Values of statements never reach the log: an ERROR's own sentence quotes them (`invalid input syntax for
# type integer: "…"`), so errors go to the client alone; LOG, FATAL and PANIC
# stay (`log` ranks above `error`).
_SETTINGS = {
    "listen_addresses": "",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_THROWAWAY = dict.fromkeys(_DURABLE, "off")

_START_SECONDS = 300.0  # recovery after a power cut may take minutes
_STOP_SECONDS = 120.0  # a fast shutdown writes a checkpoint; after that the log repairs what is missing


class ServerDidNotStart(EmbeddedServerProblem):
    """PostgreSQL gave up; carries what it said (no statement, no value)."""

    def __init__(self, said: str) -> None:
        super().__init__(f"PostgreSQL n’a pas démarré : {said}", f"PostgreSQL did not start: {said}")


def initialise(account: Account, programs: Path, pgdata: Path, password: str, *, throwaway: bool) -> None:
    """Leaves a complete `pgdata`, or none.

    Each attempt has a folder of its own: an initdb that outlived its killed parent cannot disturb the next.
    """
    home = pgdata.parent
    for leftover in [*home.glob("pgdata.*"), pgdata]:
        shutil.rmtree(leftover, ignore_errors=True)
    attempt = home / f"pgdata.{os.urandom(4).hex()}"
    account.make_own(attempt)
    secret = home / f"{attempt.name}.password"
    try:
        with os.fdopen(open_private(secret, os.O_WRONLY | os.O_EXCL), "w", encoding="ascii") as file:
            file.write(password)
        account.own(secret)
        code, said = account.run(_initdb(programs, attempt, secret, throwaway=throwaway))
    finally:
        secret.unlink(missing_ok=True)
    if code != 0:
        shutil.rmtree(attempt, ignore_errors=True)
        raise ServerDidNotStart(said[-600:])
    attempt.rename(pgdata)
    sync_folder(home)


def _initdb(programs: Path, pgdata: Path, secret: Path, *, throwaway: bool) -> list[str]:
    # The builtin locale sorts and folds UTF-8 the same on every machine, whatever its C library.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["--username=postgres", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"]
    safety = ["--no-data-checksums", "--no-sync"] if throwaway else ["--data-checksums"]
    places = [f"--pgdata={pgdata}", f"--pwfile={secret}"]
    return [str(programs / "initdb"), *places, *access, *locale, *safety, "--text-search-config=simple"]


def launch(
    account: Account, programs: Path, pgdata: Path, socket_dir: Path, *, throwaway: bool
) -> subprocess.Popen[bytes]:
    """Starts `postgres` on `pgdata` without waiting for it.

    Settings stand on the command line: they outrank postgresql.conf and ALTER SYSTEM, and follow the code.
    """
    sockets = '"' + str(socket_dir).replace('"', '""') + '"'
    settings = {**_SETTINGS, **(_THROWAWAY if throwaway else _DURABLE), "unix_socket_directories": sockets}
    args = [str(programs / "postgres"), "-D", str(pgdata)]
    for name, value in settings.items():
        args += ["-c", f"{name}={value}"]
    log = open_private(pgdata.with_name("server.log"), os.O_WRONLY | os.O_APPEND)
    try:
        return account.popen(args, log)
    finally:
        os.close(log)


def wait_ready(process: subprocess.Popen[bytes], pgdata: Path) -> None:
    """Returns when connections are accepted, which the server writes in line 8 of postmaster.pid."""

    def settled() -> bool:
        lines = _pid_lines(pgdata)
        ready = len(lines) >= 8 and lines[0] == str(process.pid) and lines[7] == "ready"
        return ready or process.poll() is not None

    if not _eventually(settled, _START_SECONDS) or process.returncode is not None:
        raise ServerDidNotStart(_last_words(pgdata.with_name("server.log")))


def stop(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown: open transactions are rolled back, a checkpoint is written."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)  # immediate: safe for the data, recovered at the next start
        process.wait()


def settle_previous(pgdata: Path) -> None:
    """Clears what a killed owner left. Called with the folder's lock held, so nobody owns such a server.

    A server still running is stopped cleanly rather than adopted: the next one starts with today's programs
    and settings, as a child of its owner. A stale postmaster.pid is PostgreSQL's to judge (it checks the
    shared memory), except when its number has passed to a stranger, which PostgreSQL would take for a server.
    Raises AlreadyRunning when the server is not ours to stop.
    """
    lines = _pid_lines(pgdata)
    pid = int(lines[0]) if lines and lines[0].isdigit() else 0
    if _serves(pid, pgdata):
        _stop_orphan(pid, pgdata)
    elif _is_stranger(pid):
        (pgdata / "postmaster.pid").unlink(missing_ok=True)
        if len(lines) >= 5 and lines[4]:  # the folder of its socket
            Path(lines[4], ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _stop_orphan(pid: int, pgdata: Path) -> None:
    for sign in (signal.SIGINT, signal.SIGQUIT):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        except PermissionError:
            break
        if _eventually(lambda: not _serves(pid, pgdata), _STOP_SECONDS):
            return
    raise AlreadyRunning(pid, pgdata.parent)


def _serves(pid: int, pgdata: Path) -> bool:
    """A number alone may be anyone's after a restart: the process itself says which data it serves."""
    arguments = _arguments(pid) or []
    with suppress(OSError, ValueError, IndexError):
        return Path(arguments[arguments.index("-D") + 1]).samefile(pgdata)
    return False


def _is_stranger(pid: int) -> bool:
    """True for a live process known to serve something else. One we may not look at is not known."""
    return _arguments(pid) is not None


def _arguments(pid: int) -> list[str] | None:
    """The command line of a live process; [] for a zombie, None when there is none or it is hidden."""
    if pid <= 0:
        return None
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="surrogateescape").split("\0")
        return None
    listed = subprocess.run(  # noqa: S603 - no shell, a number as argument
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return listed.stdout.replace(" -D ", "\0-D\0").replace(" -c ", "\0").split("\0") if listed.stdout else None


def _pid_lines(pgdata: Path) -> list[str]:
    try:
        return [line.strip() for line in (pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []


def _eventually(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(lines[-4:])
