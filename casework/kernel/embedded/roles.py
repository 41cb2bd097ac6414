"""The two login roles of an embedded cluster and the rights of its databases."""

from typing import Any

import psycopg
from psycopg import sql

from casework.kernel.embedded.files import Role

DATABASE = "casework"
LOGINS: dict[Role, str] = {"superuser": "postgres", "owner": "casework_owner", "server": "casework_server"}
_ATTRIBUTES = {
    "owner": sql.SQL("LOGIN NOSUPERUSER NOCREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS INHERIT"),
    "server": sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT"),
}

Connection = psycopg.Connection[Any]


def create_logins(connection: Connection, passwords: dict[Role, str]) -> None:
    """May be repeated. Afterwards the maintenance databases are closed to everyone but the superuser."""
    for role in ("owner", "server"):
        _create_login(connection, role, passwords[role])
    connection.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")


def _create_login(connection: Connection, role: Role, password: str) -> None:
    login = LOGINS[role]
    # PostgreSQL receives the verifier (RFC 5803), not the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone()
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
        sql.SQL("ALTER" if known else "CREATE"),
        sql.Identifier(login),
        _ATTRIBUTES[role],
        sql.Literal(verifier),
    )
    connection.execute(statement)


def create_database(connection: Connection, name: str, template: str) -> None:
    database, owner, server = (sql.Identifier(each) for each in (name, LOGINS["owner"], LOGINS["server"]))
    for statement in (
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(database, owner, sql.Identifier(template)),
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, server),
    ):
        connection.execute(statement)


def drop_database(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
