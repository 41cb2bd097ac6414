"""A household has one principal at a time, whoever writes."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index(
        "uq_memberships_principal", "memberships", ["household_id"], unique=True,
        postgresql_where=sa.text("ends_on IS NULL AND relation = 'principal'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("uq_memberships_principal", table_name="memberships")
