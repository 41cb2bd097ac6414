"""Witness cosignatures under the log's checkpoints."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "log_cosignatures",
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("log", "size", "name", name=op.f("pk_log_cosignatures")),
    )
    op.execute(
        "CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON log_cosignatures"
        " FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
    )
    op.execute(
        "CREATE TRIGGER refuse_truncating BEFORE TRUNCATE ON log_cosignatures"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def downgrade() -> None:
    op.drop_table("log_cosignatures")
