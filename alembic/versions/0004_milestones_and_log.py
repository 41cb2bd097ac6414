"""Milestones and the log."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "log_checkpoints",
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("log", "size", name=op.f("pk_log_checkpoints")),
    )
    op.create_table(
        "log_leaves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("log IN ('milestones', 'audit')", name=op.f("ck_log_leaves_log")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_leaves")),
    )
    op.create_table(
        "log_nodes",
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "level", "position", name=op.f("pk_log_nodes")),
    )
    op.create_table(
        "log_queue",
        sa.Column("leaf_id", sa.Uuid(), nullable=False),
        sa.Column("log", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_id", name=op.f("pk_log_queue")),
    )
    op.create_table(
        "milestone_types",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("label_fr", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("recorded_by", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("anchor", sa.String(), nullable=False),
        sa.Column("offset_days", sa.Integer(), nullable=True),
        sa.Column("applies_to", sa.String(), nullable=False),
        sa.Column("evidence_fr", sa.String(), nullable=False),
        sa.Column("evidence_en", sa.String(), nullable=False),
        sa.Column("repeatable", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", "valid_from", name=op.f("pk_milestone_types")),
    )
    op.create_table(
        "read_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("permission", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("case_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_read_entries")),
    )
    op.create_index("ix_read_entries_case_ids", "read_entries", ["case_ids"], unique=False, postgresql_using="gin")
    op.create_table(
        "log_entries",
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("leaf_id", sa.Uuid(), nullable=False),
        sa.Column("sequenced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["leaf_id"], ["log_leaves.id"], name=op.f("fk_log_entries_leaf_id")),
        sa.PrimaryKeyConstraint("log", "index", name=op.f("pk_log_entries")),
        sa.UniqueConstraint("leaf_id", name=op.f("uq_log_entries_leaf_id")),
    )
    op.create_table(
        "log_links",
        sa.Column("leaf_id", sa.Uuid(), nullable=False),
        sa.Column("case_tag", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["leaf_id"], ["log_leaves.id"], name=op.f("fk_log_links_leaf_id")),
        sa.PrimaryKeyConstraint("leaf_id", name=op.f("pk_log_links")),
    )
    op.create_table(
        "log_openings",
        sa.Column("leaf_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["leaf_id"], ["log_leaves.id"], name=op.f("fk_log_openings_leaf_id")),
        sa.PrimaryKeyConstraint("leaf_id", name=op.f("pk_log_openings")),
    )
    op.create_index(op.f("ix_log_openings_subject_id"), "log_openings", ["subject_id"], unique=False)
    op.create_table(
        "milestone_expectations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("anchor", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("certain", sa.Boolean(), nullable=False),
        sa.Column("fulfilled_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_milestone_expectations_case_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_milestone_expectations_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone_expectations")),
        sa.UniqueConstraint(
            "case_id",
            "code",
            "person_id",
            name=op.f("uq_milestone_expectations_case_id_code_person_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_milestone_expectations_case_id"), "milestone_expectations", ["case_id"], unique=False)
    op.create_index(
        "ix_milestone_expectations_due",
        "milestone_expectations",
        ["due_on", "id"],
        unique=False,
        postgresql_where=sa.text("fulfilled_by IS NULL"),
    )
    op.create_index(
        "ix_milestone_expectations_office_due",
        "milestone_expectations",
        ["office_id", "due_on"],
        unique=False,
        postgresql_where=sa.text("fulfilled_by IS NULL"),
    )
    op.create_index(
        "ix_milestone_expectations_open_due",
        "milestone_expectations",
        ["region_code", "due_on"],
        unique=False,
        postgresql_where=sa.text("fulfilled_by IS NULL"),
    )
    op.create_table(
        "milestones",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=True),
        sa.Column("occurred_on", sa.String(), nullable=True),
        sa.Column("occurred_precision", sa.String(), nullable=False),
        sa.Column("occurred_latest", sa.Date(), nullable=True),
        sa.Column("evidence_kind", sa.String(), nullable=True),
        sa.Column("sealed_evidence", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_note", sa.LargeBinary(), nullable=True),
        sa.Column("recorder_scope", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_by", sa.Uuid(), nullable=True),
        sa.Column("sealed_void_reason", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("outcome IN ('done', 'not_applicable', 'unknown')", name=op.f("ck_milestones_outcome")),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (sealed_void_reason IS NULL)",
            name=op.f("ck_milestones_void_has_reason"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_milestones_case_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_milestones_organization_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_milestones_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestones")),
        sa.UniqueConstraint("recorder_scope", "external_id", name=op.f("uq_milestones_recorder_scope_external_id")),
    )
    op.create_index(op.f("ix_milestones_case_id"), "milestones", ["case_id"], unique=False)
    op.create_index(op.f("ix_milestones_person_id"), "milestones", ["person_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_milestones_person_id"), table_name="milestones")
    op.drop_index(op.f("ix_milestones_case_id"), table_name="milestones")
    op.drop_table("milestones")
    op.drop_index(
        "ix_milestone_expectations_open_due",
        table_name="milestone_expectations",
        postgresql_where=sa.text("fulfilled_by IS NULL"),
    )
    op.drop_index(
        "ix_milestone_expectations_office_due",
        table_name="milestone_expectations",
        postgresql_where=sa.text("fulfilled_by IS NULL"),
    )
    op.drop_index(
        "ix_milestone_expectations_due",
        table_name="milestone_expectations",
        postgresql_where=sa.text("fulfilled_by IS NULL"),
    )
    op.drop_index(op.f("ix_milestone_expectations_case_id"), table_name="milestone_expectations")
    op.drop_table("milestone_expectations")
    op.drop_index(op.f("ix_log_openings_subject_id"), table_name="log_openings")
    op.drop_table("log_openings")
    op.drop_table("log_links")
    op.drop_table("log_entries")
    op.drop_index("ix_read_entries_case_ids", table_name="read_entries", postgresql_using="gin")
    op.drop_table("read_entries")
    op.drop_table("milestone_types")
    op.drop_table("log_queue")
    op.drop_table("log_nodes")
    op.drop_table("log_leaves")
    op.drop_table("log_checkpoints")
