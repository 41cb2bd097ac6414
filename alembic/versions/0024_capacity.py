"""Resources as data, the history of capacities, reviews of lost places, forecasts, regional targets."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0024"
down_revision = "0023"

INSTANT = sa.DateTime(timezone=True)
# What capacities already count gets a line of its own; the shipped file then says it better.
KNOWN = """
INSERT INTO resources (code, label_fr, label_en, valid_from, source)
SELECT DISTINCT resource, resource, resource, DATE '2023-11-01', 'migration 0013' FROM capacities
"""
OLD_RULE = "resource ~ '^(persons|school|francization|homes_[1-9][0-9]?)$'"


def upgrade() -> None:
    op.create_table(
        "resources",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label_fr", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.Column("bedrooms", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_resources")),
    )
    op.execute(KNOWN)
    op.drop_constraint(op.f("ck_capacities_resource"), "capacities", type_="check")
    op.create_foreign_key(op.f("fk_capacities_resource"), "capacities", "resources", ["resource"], ["code"])
    op.add_column("capacities", sa.Column("shrinks_to", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_capacities_shrinks"), "capacities", "shrinks_to >= 0 AND shrinks_to < total")
    _changes()
    _reviews()
    _forecasts()
    _targets()


def _foreign(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [parent], name=op.f(f"fk_{table}_{column}"))


def _changes() -> None:
    op.create_table(
        "capacity_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("capacity_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("total_before", sa.Integer(), nullable=True),
        sa.Column("total_after", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        _foreign("capacity_changes", "capacity_id", "capacities.id"),
        _foreign("capacity_changes", "region_code", "admin_regions.code"),
        _foreign("capacity_changes", "organization_id", "organizations.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_changes")),
    )
    op.create_index(op.f("ix_capacity_changes_capacity_id"), "capacity_changes", ["capacity_id"])


def _reviews() -> None:
    op.create_table(
        "capacity_reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("capacity_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("wanted_total", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.CheckConstraint("status IN ('open', 'settled')", name=op.f("ck_capacity_reviews_status")),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('shrunk', 'restored')", name=op.f("ck_capacity_reviews_outcome")
        ),
        sa.CheckConstraint(
            "wanted_total >= 0 AND wanted_total < taken", name=op.f("ck_capacity_reviews_something_to_review")
        ),
        sa.CheckConstraint(
            "(status = 'settled') = (outcome IS NOT NULL)", name=op.f("ck_capacity_reviews_settled_has_outcome")
        ),
        _foreign("capacity_reviews", "capacity_id", "capacities.id"),
        _foreign("capacity_reviews", "region_code", "admin_regions.code"),
        _foreign("capacity_reviews", "organization_id", "organizations.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_reviews")),
    )
    op.create_index(
        "uq_capacity_reviews_one_open",
        "capacity_reviews",
        ["capacity_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )


def _forecasts() -> None:
    op.create_table(
        "capacity_forecasts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("geo_code", sa.String(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "0 <= low AND low <= expected AND expected <= high", name=op.f("ck_capacity_forecasts_range")
        ),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_capacity_forecasts_period")),
        _foreign("capacity_forecasts", "geo_code", "municipalities.geo_code"),
        _foreign("capacity_forecasts", "region_code", "admin_regions.code"),
        _foreign("capacity_forecasts", "organization_id", "organizations.id"),
        _foreign("capacity_forecasts", "resource", "resources.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_forecasts")),
    )
    for column in ("geo_code", "region_code"):
        op.create_index(op.f(f"ix_capacity_forecasts_{column}"), "capacity_forecasts", [column])


def _targets() -> None:
    op.create_table(
        "regional_targets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.CheckConstraint("target >= 0 AND ceiling >= target", name=op.f("ck_regional_targets_ceiling")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_regional_targets_period")),
        _foreign("regional_targets", "region_code", "admin_regions.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regional_targets")),
    )
    op.create_index(op.f("ix_regional_targets_region_code"), "regional_targets", ["region_code"])


def downgrade() -> None:
    """A review still open is forgotten, its total stands; what only the new file counts goes, the older rule refuses it."""
    for table in ("regional_targets", "capacity_forecasts", "capacity_reviews", "capacity_changes"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_capacities_shrinks"), "capacities", type_="check")
    op.drop_column("capacities", "shrinks_to")
    op.drop_constraint(op.f("fk_capacities_resource"), "capacities", type_="foreignkey")
    op.create_check_constraint(op.f("ck_capacities_resource"), "capacities", OLD_RULE, postgresql_not_valid=True)
    op.drop_table("resources")
