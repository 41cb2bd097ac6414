"""Words that people wrote about a household are sealed under its key: why a case closed, an offer was made or taken
back, a placement ended, and where a claim's status comes from.

What stands in the clear is sealed here, with the installation's keyring (`casework migrate` hands it over). Pages and
backups written before keep it until they are written again: see ADR 0017.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import context, op

revision = "0006"
down_revision = "0005"

# Table, column in the clear, whether every row has it; the sealed column is named after it.
WORDS = (
    ("cases", "close_reason", False),
    ("offers", "reason", True),
    ("offers", "withdraw_reason", False),
    ("assignments", "end_reason", False),
    ("claim_statuses", "source", True),
)
# References are scattered within their million from now on, and those given so far stand where others would fall.
NEXT_MILLION = (
    "SELECT setval('case_references', (last_value / 1000000 + 1) * 1000000) FROM case_references"
    " WHERE EXISTS (SELECT FROM cases)"
)
# A case is its own parent.
ROWS = (
    "SELECT t.id, t.{column}, k.subject_id, k.kek_id, k.wrapped, k.key_version FROM {table} t JOIN subject_keys k"
    " ON k.case_id = {case} AND k.kind = 'household' WHERE t.{column} IS NOT NULL"
)


def upgrade() -> None:
    op.execute(NEXT_MILLION)
    for table, column, required in WORDS:
        op.add_column(table, sa.Column(f"sealed_{column}", sa.LargeBinary(), nullable=True))
        for row, words, key in _keyed_rows(table, column):
            _set(table, f"sealed_{column}", row, key.seal(f"{table}/sealed_{column}", row, words))
        if required:
            op.alter_column(table, f"sealed_{column}", nullable=False)
        op.drop_column(table, column)


def downgrade() -> None:
    for table, column, required in WORDS:
        op.add_column(table, sa.Column(column, sa.String(), nullable=True))
        for row, sealed, key in _keyed_rows(table, f"sealed_{column}"):
            _set(table, column, row, key.open(f"{table}/sealed_{column}", row, bytes(sealed)))
        if required:
            op.alter_column(table, column, nullable=False)
        op.drop_column(table, f"sealed_{column}")


def _keyed_rows(table, column):  # noqa: ANN001, ANN202 -- names of WORDS, rows of three
    sql = ROWS.format(table=table, column=column, case="t.id" if table == "cases" else "t.case_id")
    rows = op.get_bind().exec_driver_sql(sql).fetchall()
    keyring = context.config.attributes.get("keyring")
    if rows and keyring is None:
        raise RuntimeError(f"{table}.{column} holds words: run `casework migrate`, which knows the sealing key")
    for row, words, subject, kek_id, wrapped, version in rows:
        yield row, words, keyring.unwrap(subject, kek_id, bytes(wrapped), version)


def _set(table, column, row, value) -> None:  # noqa: ANN001 -- names of WORDS, a bound value
    op.get_bind().exec_driver_sql(f"UPDATE {table} SET {column} = %s WHERE id = %s", (value, row))
