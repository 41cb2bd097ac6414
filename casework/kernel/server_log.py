"""What PostgreSQL itself may write about our statements: an ERROR quotes the value it refused, its DETAIL the row.

The embedded server is started silent. On a server of somebody else's only its superuser can silence a role, so the
boot looks at what is in force for our sessions (access.md §3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.kernel.language import Text

if TYPE_CHECKING:
    import psycopg

# Setting → what keeps values out of the log; the first is what the advice proposes.
QUIET = {
    "log_min_messages": ("log", "fatal", "panic"),
    "log_min_error_statement": ("panic", "fatal", "log"),
    "log_error_verbosity": ("terse",),
    "log_parameter_max_length": ("0",),
    "log_parameter_max_length_on_error": ("0",),
}
IN_FORCE = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"


async def talkative(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> dict[str, str]:
    """The settings of this role's sessions under which PostgreSQL's log may quote a value, as they stand."""
    cursor = await connection.execute(IN_FORCE, (list(QUIET),))
    return {str(name): str(value) for name, value in await cursor.fetchall() if value not in QUIET[str(name)]}


def silencing(login: str) -> list[str]:
    """What a superuser runs once."""
    return [f"ALTER ROLE \"{login}\" SET {name} = '{values[0]}'" for name, values in QUIET.items()]


def advice(login: str) -> Text:
    statements = "; ".join(silencing(login))
    return Text(
        f"Le journal de PostgreSQL peut citer des valeurs. Faites exécuter par son superutilisateur : {statements}",
        f"PostgreSQL's log may quote values. Have its superuser run: {statements}",
    )
