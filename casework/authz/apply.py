"""Applying the compiled policy as the owner, and the checks that keep a half-shielded server from starting."""

from __future__ import annotations

import psycopg
from psycopg import sql

from casework.authz import rls
from casework.authz.shields import SHIELDS
from casework.kernel.language import Text

APPLIED = """
INSERT INTO authz.applied (id, source_sha256, catalogue_sha256) VALUES (1, %s, authz.catalogue())
ON CONFLICT (id) DO UPDATE SET source_sha256 = excluded.source_sha256, catalogue_sha256 = excluded.catalogue_sha256
"""
CONTEXT_KEY = """
INSERT INTO authz.context_key (id, inner_pad, outer_pad) VALUES (1, %s, %s)
ON CONFLICT (id) DO UPDATE SET inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad
"""


INHERIT_OPTION = 160000  # the server version that gave each membership its own inherit_option


class BootRefused(Exception):
    """The server must not start; `text` says why and what to do, in both languages."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.fr + " " + text.en)
        self.text = text


def ensure_roles(connection: psycopg.Connection[tuple[object, ...]], login: str) -> None:
    """Create the NOLOGIN role of each actor class and let `login` enter it; needs CREATEROLE the first time only.

    Roles belong to the whole PostgreSQL cluster, so one that exists already is taken as it is.
    """
    for actor in rls.ACTORS:
        role = sql.Identifier(rls.database_role(actor))
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (rls.database_role(actor),))
        if known.fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT NOBYPASSRLS").format(role))
        member = connection.execute(
            "SELECT pg_has_role(%s, %s, 'MEMBER')", (login, rls.database_role(actor))
        ).fetchone()
        if member is None or not member[0]:
            _let_enter(connection, role, sql.Identifier(login))


def _let_enter(connection: psycopg.Connection[tuple[object, ...]], role: sql.Identifier, login: sql.Identifier) -> None:
    """Enter, never inherit. Raises BootRefused where another installation of this cluster made the roles."""
    apart = sql.SQL(" WITH INHERIT FALSE" if connection.info.server_version >= INHERIT_OPTION else "")
    try:
        connection.execute(sql.SQL("GRANT {} TO {}{}").format(role, login, apart))
    except psycopg.errors.InsufficientPrivilege as error:
        roles = ", ".join(rls.database_role(actor) for actor in rls.ACTORS)
        line = f'GRANT {roles} TO "{connection.info.user}" WITH ADMIN OPTION;'
        raise BootRefused(
            Text(
                f"Les rôles de cette grappe ont été créés par une autre installation. Un superutilisateur exécute : {line}",
                f"The roles of this cluster were created by another installation. Have a superuser run: {line}",
            )
        ) from error


def apply_policies(connection: psycopg.Connection[tuple[object, ...]], login: str, context_key: bytes) -> None:
    """Compile and apply the whole wall in the current transaction, then record its two fingerprints."""
    owner = connection.info.user
    for statement in rls.statements(owner, login):
        connection.execute(statement.encode())
    connection.execute(
        sql.SQL("GRANT EXECUTE ON FUNCTION authz.applied_fingerprint() TO {}").format(sql.Identifier(login))
    )
    padded = context_key.ljust(64, b"\x00")
    pads = (bytes(b ^ 0x36 for b in padded), bytes(b ^ 0x5C for b in padded))
    connection.execute(CONTEXT_KEY, pads)
    connection.execute(APPLIED, (rls.fingerprint(),))


async def refuse_unless_shielded(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """Raises BootRefused unless the log-in role is weak, the wall is the one in this code, and it holds unset."""
    await _refuse_strong_login(connection)
    await _refuse_other_wall(connection)
    await _refuse_visible_rows(connection)


async def _refuse_strong_login(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    cursor = await connection.execute(
        "SELECT rolsuper OR rolbypassrls OR rolinherit OR EXISTS (SELECT 1 FROM pg_class WHERE relowner = r.oid)"
        " FROM pg_roles r WHERE rolname = current_user"
    )
    [strong] = await cursor.fetchone() or [True]
    if not strong and connection.info.server_version >= INHERIT_OPTION:
        # Since PostgreSQL 16 a membership says by itself whether its rights are inherited.
        cursor = await connection.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_auth_members WHERE member = current_user::regrole AND inherit_option)"
        )
        [strong] = await cursor.fetchone() or [True]
    if strong:
        raise BootRefused(
            Text(
                "Le rôle de connexion peut contourner la sécurité par ligne (superutilisateur, BYPASSRLS, INHERIT ou"
                " propriétaire). Donnez à CASEWORK_DATABASE_URL le rôle de connexion que `casework migrate` prépare.",
                "The log-in role can get around row security (superuser, BYPASSRLS, INHERIT or owner). Give"
                " CASEWORK_DATABASE_URL the log-in role that `casework migrate` prepares.",
            )
        )


async def _refuse_other_wall(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    try:
        cursor = await connection.execute("SELECT source_sha256, unchanged FROM authz.applied_fingerprint()")
        row = await cursor.fetchone()
    except Exception as error:
        raise BootRefused(_MIGRATE) from error
    if row is None or row[0] != rls.fingerprint() or not row[1]:
        raise BootRefused(_MIGRATE)


_MIGRATE = Text(
    "Les règles d'accès de la base ne sont pas celles de cette version : lancez `casework migrate`.",
    "The access rules in the database are not those of this version: run `casework migrate`.",
)


async def _refuse_visible_rows(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """With no context set, every role must see nothing at all, system actors included."""
    for actor in rls.ACTORS:
        role = rls.database_role(actor)
        async with connection.transaction(force_rollback=True):
            await connection.execute("SELECT set_config('role', %s, true)", (role,))
            probes = [f"EXISTS (SELECT FROM {s.table})" for s in SHIELDS if await _readable(connection, role, s.table)]
            seen = await (await connection.execute(f"SELECT {' OR '.join(probes) or 'false'}".encode())).fetchone()
        if seen is None or seen[0]:
            raise BootRefused(
                Text(
                    f"Sans contexte, le rôle {role} voit des lignes : la sécurité par ligne est rompue.",
                    f"Without a context, the role {role} sees rows: row security is broken.",
                )
            )


async def _readable(connection: psycopg.AsyncConnection[tuple[object, ...]], role: str, table: str) -> bool:
    cursor = await connection.execute("SELECT has_any_column_privilege(%s, %s, 'SELECT')", (role, table))
    row = await cursor.fetchone()
    return bool(row and row[0])
