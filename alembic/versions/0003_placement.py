"""Capacity, recommendations, offers and assignments."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "capacities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("geo_code", sa.String(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("change_reason", sa.String(), nullable=True),
        sa.CheckConstraint("held + used <= total", name=op.f("ck_capacities_never_oversold")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_capacities_period")),
        sa.CheckConstraint("total >= 0 AND held >= 0 AND used >= 0", name=op.f("ck_capacities_counts")),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreements.id"], name=op.f("fk_capacities_agreement_id")),
        sa.ForeignKeyConstraint(["geo_code"], ["municipalities.geo_code"], name=op.f("fk_capacities_geo_code")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_capacities_organization_id")),
        sa.ForeignKeyConstraint(["region_code"], ["admin_regions.code"], name=op.f("fk_capacities_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacities")),
        sa.UniqueConstraint(
            "agreement_id",
            "geo_code",
            "resource",
            "starts_on",
            name=op.f("uq_capacities_agreement_id_geo_code_resource_starts_on"),
        ),
    )
    op.create_index(op.f("ix_capacities_geo_code"), "capacities", ["geo_code"], unique=False)
    op.create_index(op.f("ix_capacities_organization_id"), "capacities", ["organization_id"], unique=False)
    op.create_index(op.f("ix_capacities_region_code"), "capacities", ["region_code"], unique=False)
    op.create_table(
        "recommendations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("engine_version", sa.String(), nullable=False),
        sa.Column("weights_version", sa.String(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_recommendations_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommendations")),
    )
    op.create_index(op.f("ix_recommendations_case_id"), "recommendations", ["case_id"], unique=False)
    op.create_table(
        "offers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("recommendation_id", sa.Uuid(), nullable=True),
        sa.Column("capacity_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("geo_code", sa.String(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("subject_ref", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdraw_reason", sa.String(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status IN ('held', 'accepted', 'declined', 'expired', 'withdrawn')",
            name=op.f("ck_offers_status"),
        ),
        sa.CheckConstraint("persons > 0", name=op.f("ck_offers_persons")),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreements.id"], name=op.f("fk_offers_agreement_id")),
        sa.ForeignKeyConstraint(["capacity_id"], ["capacities.id"], name=op.f("fk_offers_capacity_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_offers_case_id")),
        sa.ForeignKeyConstraint(["geo_code"], ["municipalities.geo_code"], name=op.f("fk_offers_geo_code")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_offers_organization_id")),
        sa.ForeignKeyConstraint(
            ["recommendation_id"], ["recommendations.id"], name=op.f("fk_offers_recommendation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    op.create_index(op.f("ix_offers_capacity_id"), "offers", ["capacity_id"], unique=False)
    op.create_index(op.f("ix_offers_case_id"), "offers", ["case_id"], unique=False)
    op.create_index(
        "ix_offers_due", "offers", ["expires_at"], unique=False, postgresql_where=sa.text("status = 'held'")
    )
    op.create_index(
        "uq_offers_one_open", "offers", ["case_id"], unique=True, postgresql_where=sa.text("status = 'held'")
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("capacity_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("geo_code", sa.String(), nullable=False),
        sa.Column("host_region_code", sa.String(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal_code", sa.Text(), nullable=True),
        sa.Column("departed_on", sa.Date(), nullable=True),
        sa.Column("arrived_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "refusal_code IS NULL OR refusal_code IN ('no_staff', 'housing_fell_through', 'service_not_offered', 'outside_territory', 'conflict_of_interest', 'other')",
            name=op.f("ck_assignments_refusal_code"),
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'acknowledged', 'refused', 'departed', 'arrived', 'ended')",
            name=op.f("ck_assignments_status"),
        ),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreements.id"], name=op.f("fk_assignments_agreement_id")),
        sa.ForeignKeyConstraint(["capacity_id"], ["capacities.id"], name=op.f("fk_assignments_capacity_id")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_assignments_case_id")),
        sa.ForeignKeyConstraint(["geo_code"], ["municipalities.geo_code"], name=op.f("fk_assignments_geo_code")),
        sa.ForeignKeyConstraint(
            ["host_region_code"], ["admin_regions.code"], name=op.f("fk_assignments_host_region_code")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_assignments_offer_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_assignments_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint("offer_id", name=op.f("uq_assignments_offer_id")),
    )
    op.create_index(op.f("ix_assignments_case_id"), "assignments", ["case_id"], unique=False)
    op.create_index(op.f("ix_assignments_organization_id"), "assignments", ["organization_id"], unique=False)
    op.create_index(
        "uq_assignments_one_current",
        "assignments",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'acknowledged', 'departed', 'arrived')"),
    )
    op.create_table(
        "offer_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(answer = 'decline') = (reason_code IS NOT NULL)",
            name=op.f("ck_offer_answers_decline_has_reason"),
        ),
        sa.CheckConstraint("answer IN ('accept', 'decline')", name=op.f("ck_offer_answers_answer")),
        sa.CheckConstraint(
            "reason_code IS NULL OR reason_code IN ('family_elsewhere', 'employment_elsewhere', 'health_care', 'school', 'housing_unfit', 'legal_appointment', 'community_ties', 'distance', 'safety', 'no_longer_wishes', 'other')",
            name=op.f("ck_offer_answers_reason_code"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_offer_answers_case_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_offer_answers_offer_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_offer_answers_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_answers")),
        sa.UniqueConstraint("offer_id", "person_id", name=op.f("uq_offer_answers_offer_id_person_id")),
    )
    op.create_index(op.f("ix_offer_answers_case_id"), "offer_answers", ["case_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_offer_answers_case_id"), table_name="offer_answers")
    op.drop_table("offer_answers")
    op.drop_index(
        "uq_assignments_one_current",
        table_name="assignments",
        postgresql_where=sa.text("status IN ('proposed', 'acknowledged', 'departed', 'arrived')"),
    )
    op.drop_index(op.f("ix_assignments_organization_id"), table_name="assignments")
    op.drop_index(op.f("ix_assignments_case_id"), table_name="assignments")
    op.drop_table("assignments")
    op.drop_index("uq_offers_one_open", table_name="offers", postgresql_where=sa.text("status = 'held'"))
    op.drop_index("ix_offers_due", table_name="offers", postgresql_where=sa.text("status = 'held'"))
    op.drop_index(op.f("ix_offers_case_id"), table_name="offers")
    op.drop_index(op.f("ix_offers_capacity_id"), table_name="offers")
    op.drop_table("offers")
    op.drop_index(op.f("ix_recommendations_case_id"), table_name="recommendations")
    op.drop_table("recommendations")
    op.drop_index(op.f("ix_capacities_region_code"), table_name="capacities")
    op.drop_index(op.f("ix_capacities_organization_id"), table_name="capacities")
    op.drop_index(op.f("ix_capacities_geo_code"), table_name="capacities")
    op.drop_table("capacities")
