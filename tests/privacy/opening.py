"""What really opens: every sealed value of the tables, tried with a subject's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.kernel.sealing import CannotOpen, SubjectKey

if TYPE_CHECKING:
    from uuid import UUID

    from tests.conftest import World

SEALED_COLUMNS = """
SELECT c.table_name, c.column_name, EXISTS (SELECT FROM information_schema.columns i
  WHERE i.table_name = c.table_name AND i.column_name = 'id') AS has_id
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND c.data_type = 'bytea' AND t.table_type = 'BASE TABLE'
"""
ROW_OF = {"log_openings": "leaf_id", "idempotency_records": "row"}


def key_now(world: World, subject_id: UUID | str) -> SubjectKey:
    """The subject's key as whoever holds the database and the key-encryption key can unwrap it."""
    keyring = world.app.state.settings.keyring()
    with world.owner() as connection:
        row = connection.execute(
            "SELECT subject_id, kek_id, wrapped, key_version FROM subject_keys WHERE subject_id = %s", (subject_id,)
        ).fetchone()
    assert row is not None
    key: SubjectKey = keyring.unwrap(*row)
    return key


def openings(world: World, key: SubjectKey) -> list[str]:
    """Every value in every table that this key opens, in its own place: `table/column`."""
    found = []
    with world.owner() as connection:
        for table, column, has_id in connection.execute(SEALED_COLUMNS).fetchall():
            row = ROW_OF.get(table) or ("id" if has_id else None)
            if row is None:
                continue
            for identity, sealed in connection.execute(
                f"SELECT {row}, {column} FROM {table} WHERE {column} IS NOT NULL".encode()
            ).fetchall():
                try:
                    key.open(f"{table}/{column}", identity, bytes(sealed))
                except CannotOpen:
                    continue
                found.append(f"{table}/{column}")
    return found
