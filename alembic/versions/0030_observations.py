"""Observations on a recommendation and their review by another person (A-2.1, s. 65.2)."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0030"
down_revision = "0029"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
INSTANT = sa.DateTime(timezone=True)
OUTCOMES = "('upheld', 'changed', 'new_recommendation', 'information_corrected')"
CARRY = f"""
CREATE FUNCTION carry_reach_to_observations() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE observations SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  RETURN NULL;
END $$
"""
FORGET = f"""
CREATE FUNCTION forget_observations() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE observations SET sealed_text = '', sealed_review = NULL WHERE person_id = NEW.person_id
    OR (NEW.last_of_household AND case_id = NEW.case_id);
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "observations",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("recommendation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("sealed_review", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(f"outcome IN {OUTCOMES}", name=op.f("ck_observations_outcome")),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (outcome IS NULL)",
            name=op.f("ck_observations_review_is_whole"),
        ),
        sa.CheckConstraint("reviewed_by <> recorded_by", name=op.f("ck_observations_four_eyes")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_observations_case_id")),
        sa.ForeignKeyConstraint(
            ["recommendation_id"], ["recommendations.id"], name=op.f("fk_observations_recommendation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_observations_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
    )
    for column in ("case_id", "recommendation_id", "person_id"):
        op.create_index(op.f(f"ix_observations_{column}"), "observations", [column])
    op.execute(CARRY)
    op.execute(FORGET)
    op.execute("CREATE TRIGGER z_follow_case AFTER INSERT ON observations FOR EACH ROW EXECUTE FUNCTION follow_case()")
    op.execute(
        "CREATE TRIGGER carry_reach_to_observations AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_to_observations()"
    )
    op.execute(
        "CREATE TRIGGER forget_observations AFTER UPDATE OF status ON erasures FOR EACH ROW WHEN (NEW.status = 'done')"
        " EXECUTE FUNCTION forget_observations()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER forget_observations ON erasures")
    op.execute("DROP TRIGGER carry_reach_to_observations ON cases")
    op.drop_table("observations")
    for function in ("forget_observations", "carry_reach_to_observations"):
        op.execute(f"DROP FUNCTION {function}()")
