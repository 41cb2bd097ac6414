"""Regional needs: openings by occupation and month, with their source."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0026"
down_revision = "0025"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "regional_needs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("occupation", sa.String(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.CheckConstraint("openings >= 0", name=op.f("ck_regional_needs_openings")),
        sa.CheckConstraint("occupation ~ '^[0-9]{5}$'", name=op.f("ck_regional_needs_occupation")),
        sa.CheckConstraint("extract(day FROM month) = 1", name=op.f("ck_regional_needs_first_day")),
        sa.ForeignKeyConstraint(["region_code"], ["admin_regions.code"], name=op.f("fk_regional_needs_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regional_needs")),
        sa.UniqueConstraint(
            "region_code", "month", "occupation", name=op.f("uq_regional_needs_region_code_month_occupation")
        ),
    )


def downgrade() -> None:
    op.drop_table("regional_needs")
