"""The embedded PostgreSQL: who gets in, what it may do, what its log tells."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import errors, sql

from casework.kernel.embedded import (
    AlreadyRunning,
    Cluster,
    FolderNotUsable,
    open_cluster,
    running,
    throwaway_cluster,
)
from casework.kernel.embedded.files import Role

MARK = "Zébuline-Fictive-4711"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with throwaway_cluster() as cluster:
        yield cluster


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("role", ["superuser", "owner", "server"])
def test_nobody_enters_without_the_right_password(
    cluster: Cluster, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    password = cluster.url(role).split("@")[0].rsplit(":", 1)[1]
    assert ask(cluster.url(role), "SELECT current_user") == cluster.url(role).split("//")[1].split(":")[0]
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(cluster.url(role).replace(f":{password}", ""))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url(role).replace(password, "guessed"))


def test_no_network_port_is_open(cluster: Cluster) -> None:
    assert ask(cluster.url("server"), "SHOW listen_addresses") == ""
    postmaster = psutil.Process(int((cluster.pgdata / "postmaster.pid").read_text().split()[0]))
    seen = 0
    for process in (postmaster, *postmaster.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # a passing worker
            assert process.net_connections(kind="inet") == []
            seen += 1
    assert seen > 1


def test_other_users_of_the_machine_find_every_door_closed(cluster: Cluster) -> None:
    beyond = 0o710 if os.geteuid() == 0 else 0o700  # root lets the account that runs PostgreSQL pass
    assert mode(cluster.data_dir) == beyond
    assert {mode(cluster.data_dir / name) for name in ("pgdata", "run")} == {0o700}
    assert {mode(cluster.data_dir / name) for name in ("secrets.json", "lock", "server.log")} == {0o600}
    assert not list(cluster.data_dir.glob("*.password"))


def test_the_server_login_owns_nothing_and_bypasses_nothing(cluster: Cluster) -> None:
    rights = "rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication OR rolinherit"
    question = f"SELECT {rights} FROM pg_roles WHERE rolname = current_user"
    assert ask(cluster.url("server"), question) is False
    for forbidden in (
        "CREATE TABLE t (a int)",
        "CREATE SCHEMA s",
        "CREATE TEMP TABLE t (a int)",
        "CREATE ROLE r",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            ask(cluster.url("server"), forbidden)
    for elsewhere in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(cluster.url("server", elsewhere))


def test_the_owner_lends_a_role_to_the_server_and_bypasses_nothing(cluster: Cluster) -> None:
    question = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert ask(cluster.url("owner"), question) is False
    with psycopg.connect(cluster.url("owner"), autocommit=True) as owner:
        owner.execute("CREATE ROLE fictional_officer NOLOGIN")
        owner.execute("GRANT fictional_officer TO casework_server WITH INHERIT FALSE, SET TRUE")
        owner.execute("CREATE TABLE doors (number int)")
        owner.execute("GRANT SELECT ON doors TO fictional_officer")
    with psycopg.connect(cluster.url("server")) as server:
        server.execute("SET LOCAL ROLE fictional_officer")
        assert server.execute("SELECT count(*) FROM doors").fetchone() == (0,)


def fail_with_the_mark(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The mark as literal, as parameter, in the error's own sentence, in its detail."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS people (name text PRIMARY KEY)")
    connection.execute("INSERT INTO people VALUES (%s) ON CONFLICT DO NOTHING", [MARK])
    for statement, values in (
        (sql.SQL("SELECT {} FROM nowhere").format(sql.Literal(MARK)), []),
        (sql.SQL("SELECT 1/(length(%s) - length(%s))"), [MARK, MARK]),
        (sql.SQL("SELECT %s::text::int"), [MARK]),
        (sql.SQL("INSERT INTO people VALUES (%s)"), [MARK]),
    ):
        with pytest.raises(psycopg.Error):
            connection.execute(statement, values)


def test_the_log_never_repeats_a_value(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("superuser"), autocommit=True) as connection:
        fail_with_the_mark(connection)
        assert MARK not in cluster.log.read_text()
        for loosened in (
            "log_min_messages = warning",
            "log_min_error_statement = error",
            "log_error_verbosity = verbose",
            "log_parameter_max_length_on_error = -1",
        ):
            connection.execute(f"SET {loosened}".encode())
        fail_with_the_mark(connection)
        assert cluster.log.read_text().count(MARK) >= 4  # all four ways leak when loosened


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("log_min_messages", "log"),
        ("log_min_error_statement", "panic"),
        ("log_error_verbosity", "terse"),
        ("log_statement", "none"),
        ("log_min_duration_statement", "-1"),
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
    ],
)
def test_each_layer_of_the_log_s_silence_stands_even_against_alter_system(
    cluster: Cluster, setting: str, value: str
) -> None:
    question = f"SELECT setting || ' by ' || source FROM pg_settings WHERE name = '{setting}'"
    assert ask(cluster.url("superuser"), question) == f"{value} by command line"


def test_databases_come_and_go(cluster: Cluster) -> None:
    cluster.create_database("pattern")
    with psycopg.connect(cluster.url("owner", "pattern"), autocommit=True) as owner:
        owner.execute("CREATE TABLE tiles (colour text)")
    cluster.create_database("copy", template="pattern")
    assert ask(cluster.url("owner", "copy"), "SELECT count(*) FROM tiles") == 0
    assert ask(cluster.url("server", "copy"), "SELECT has_schema_privilege('public', 'CREATE')") is False
    with psycopg.connect(cluster.url("server", "copy")):
        cluster.drop_database("copy")
        cluster.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(cluster.url("owner", "copy"))


def test_a_second_start_is_refused_plainly(cluster: Cluster) -> None:
    with pytest.raises(AlreadyRunning) as refused:
        open_cluster(cluster.data_dir, throwaway=True).start()
    assert refused.value.pid == os.getpid()
    assert refused.value.data_dir == cluster.data_dir
    for text in (refused.value.fr, refused.value.en):
        assert str(cluster.data_dir) in text
        assert str(os.getpid()) in text
    assert ask(cluster.url("server"), "SELECT 1") == 1


def test_lasting_data_is_kept_safe_by_default(home: Path) -> None:
    with running(home / "lasting") as cluster:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert ask(cluster.url("server"), f"SHOW {setting}") == "on"
        with pytest.raises(FolderNotUsable, match="data to be kept"):
            cluster.erase()
    with pytest.raises(FolderNotUsable, match="data to be kept"):
        open_cluster(home / "lasting", throwaway=True)


def test_trial_data_is_never_taken_for_lasting_data(cluster: Cluster) -> None:
    with pytest.raises(FolderNotUsable, match="made for trials"):
        open_cluster(cluster.data_dir)
