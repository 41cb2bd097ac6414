"""A death recorded by mistake is taken back: what was recorded stays in the person's history, sealed."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("person_versions", sa.Column("sealed_death", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("person_versions", "sealed_death")
