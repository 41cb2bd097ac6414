"""Sites, the history of agreements, hand-overs; assignments that carry on another, and why one ended."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0025"
down_revision = "0024"

INSTANT = sa.DateTime(timezone=True)
END_CODES = (
    "end_code IS NULL OR end_code IN ('left_region', 'returned_to_metropolis', 'moved_within_region',"
    " 'stay_completed', 'handed_over', 'other')"
)


def _foreign(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [parent], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_check_constraint(op.f("ck_agreements_volume"), "agreements", "volume >= 0")
    _sites()
    _changes()
    _handovers()
    op.alter_column("assignments", "offer_id", nullable=True)
    op.add_column("assignments", sa.Column("predecessor_id", sa.Uuid(), nullable=True))
    op.add_column("assignments", sa.Column("end_code", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_assignments_predecessor_id"), "assignments", "assignments", ["predecessor_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_assignments_predecessor_id"), "assignments", ["predecessor_id"])
    op.create_check_constraint(op.f("ck_assignments_end_code"), "assignments", END_CODES)
    op.create_check_constraint(
        op.f("ck_assignments_end_code_of_the_ended"), "assignments", "end_code IS NULL OR status = 'ended'"
    )
    op.create_check_constraint(
        op.f("ck_assignments_one_origin"), "assignments", "(offer_id IS NULL) <> (predecessor_id IS NULL)"
    )


def _sites() -> None:
    op.create_table(
        "sites",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("geo_code", sa.String(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("services", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("closed_on >= opened_on", name=op.f("ck_sites_period")),
        _foreign("sites", "organization_id", "organizations.id"),
        _foreign("sites", "geo_code", "municipalities.geo_code"),
        _foreign("sites", "region_code", "admin_regions.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
    )
    op.create_index(op.f("ix_sites_organization_id"), "sites", ["organization_id"])


def _changes() -> None:
    op.create_table(
        "agreement_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        _foreign("agreement_changes", "agreement_id", "agreements.id"),
        _foreign("agreement_changes", "organization_id", "organizations.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_changes")),
    )
    op.create_index(op.f("ix_agreement_changes_agreement_id"), "agreement_changes", ["agreement_id"])


def _handovers() -> None:
    op.create_table(
        "agreement_handovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("completed_at", INSTANT, nullable=True),
        sa.CheckConstraint("status IN ('open', 'completed')", name=op.f("ck_agreement_handovers_status")),
        sa.CheckConstraint(
            "(status = 'completed') = (completed_at IS NOT NULL)",
            name=op.f("ck_agreement_handovers_completion_has_time"),
        ),
        sa.CheckConstraint("successor_id <> agreement_id", name=op.f("ck_agreement_handovers_another")),
        _foreign("agreement_handovers", "agreement_id", "agreements.id"),
        _foreign("agreement_handovers", "organization_id", "organizations.id"),
        _foreign("agreement_handovers", "region_code", "admin_regions.code"),
        _foreign("agreement_handovers", "successor_id", "agreements.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_handovers")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_agreement_handovers_agreement_id")),
    )
    op.create_index(op.f("ix_agreement_handovers_organization_id"), "agreement_handovers", ["organization_id"])


def downgrade() -> None:
    """The older schema knows no assignment without an offer of its own: what a hand-over wrote goes."""
    op.drop_constraint(op.f("ck_assignments_one_origin"), "assignments", type_="check")
    op.execute("DELETE FROM assignments WHERE offer_id IS NULL")
    op.drop_constraint(op.f("ck_assignments_end_code_of_the_ended"), "assignments", type_="check")
    op.drop_constraint(op.f("ck_assignments_end_code"), "assignments", type_="check")
    op.drop_constraint(op.f("uq_assignments_predecessor_id"), "assignments", type_="unique")
    op.drop_constraint(op.f("fk_assignments_predecessor_id"), "assignments", type_="foreignkey")
    op.drop_column("assignments", "end_code")
    op.drop_column("assignments", "predecessor_id")
    op.alter_column("assignments", "offer_id", nullable=False)
    for table in ("agreement_handovers", "agreement_changes", "sites"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_agreements_volume"), "agreements", type_="check")
