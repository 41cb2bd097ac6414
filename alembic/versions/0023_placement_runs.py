"""Placement runs: frozen inputs under labels, the proposals that say who a label is."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0023"
down_revision = "0022"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
CARRY = f"""
CREATE FUNCTION carry_reach_to_proposals() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE placement_proposals SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  RETURN NULL;
END $$
"""
# What ties a label of a run to a household goes with the household's key: what stays in the run names nobody.
FORGET = f"""
CREATE FUNCTION forget_proposals() RETURNS trigger {DEFINER} AS $$
BEGIN
  DELETE FROM placement_proposals WHERE case_id = NEW.case_id;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "placement_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=True),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("engine_version", sa.String(), nullable=False),
        sa.Column("weights_version", sa.String(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(), nullable=False),
        sa.Column("result", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_placement_runs_status")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_placement_runs_progress")),
        sa.CheckConstraint("(status = 'done') = (result IS NOT NULL AND sha256 IS NOT NULL)", name=op.f("ck_placement_runs_done_has_result")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_runs")),
    )  # fmt: skip
    op.create_index(
        "ix_placement_runs_open", "placement_runs", ["id"],
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )  # fmt: skip
    op.create_table(
        "placement_proposals",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("left_out", sa.String(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("override_code", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "override_code IS NULL OR override_code IN ('household_wish', 'missing_rule', 'wrong_information',"
            " 'local_knowledge', 'other')",
            name=op.f("ck_placement_proposals_override_code"),
        ),
        sa.CheckConstraint("(label IS NULL) = (left_out IS NOT NULL)", name=op.f("ck_placement_proposals_in_or_out")),
        sa.CheckConstraint(
            "(offer_id IS NULL) = (confirmed_at IS NULL) AND (offer_id IS NULL) = (confirmed_by IS NULL)",
            name=op.f("ck_placement_proposals_confirmed_whole"),
        ),
        sa.CheckConstraint(
            "override_code IS NULL OR offer_id IS NOT NULL", name=op.f("ck_placement_proposals_override_is_confirmed")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_placement_proposals_case_id")),
        sa.ForeignKeyConstraint(["run_id"], ["placement_runs.id"], name=op.f("fk_placement_proposals_run_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_placement_proposals_offer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_proposals")),
        sa.UniqueConstraint("run_id", "case_id", name=op.f("uq_placement_proposals_run_id_case_id")),
    )
    op.create_index(op.f("ix_placement_proposals_case_id"), "placement_proposals", ["case_id"])
    op.execute(CARRY)
    op.execute(FORGET)
    op.execute(
        "CREATE TRIGGER carry_reach_to_proposals AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_to_proposals()"
    )
    op.execute(
        "CREATE TRIGGER forget_proposals AFTER UPDATE OF erased_at ON subject_keys FOR EACH ROW"
        " WHEN (NEW.kind = 'household' AND OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL)"
        " EXECUTE FUNCTION forget_proposals()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER forget_proposals ON subject_keys")
    op.execute("DROP TRIGGER carry_reach_to_proposals ON cases")
    op.execute("DROP FUNCTION forget_proposals()")
    op.execute("DROP FUNCTION carry_reach_to_proposals()")
    op.drop_table("placement_proposals")
    op.drop_table("placement_runs")
