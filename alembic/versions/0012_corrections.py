"""Corrections in the open: an entry that corrects another, an arrival dated anew, nothing lived after a death."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
# The case keeps its first arrival, whatever comes after; a correction of a later one moves nothing.
REDATE = f"""
CREATE FUNCTION redate_arrival() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE cases SET version = version + 1, arrived_on = (
    SELECT a.arrived_on FROM assignments a WHERE a.case_id = NEW.case_id AND a.arrived_on IS NOT NULL ORDER BY a.id LIMIT 1)
  WHERE id = NEW.case_id;
  RETURN NULL;
END $$
"""
# Who hosts a household does not read its statuses: the death is looked up behind the wall, and only its being before
# the day told comes out. A later status of the same person takes a mistaken death back.
AFTER_DEATH = f"""
CREATE FUNCTION refuse_after_death() RETURNS trigger {DEFINER} AS $$
DECLARE first_day date := (NEW.occurred_on || substr('-01-01', length(NEW.occurred_on) - 3))::date;
BEGIN
  IF EXISTS (
    SELECT 1 FROM claim_statuses d
    WHERE d.case_id = NEW.case_id AND d.status = 'deceased' AND d.occurred_on < first_day
      AND (d.person_id IS NULL OR d.person_id = NEW.person_id)
      AND NOT EXISTS (
        SELECT 1 FROM claim_statuses l WHERE l.case_id = d.case_id AND l.person_id IS NOT DISTINCT FROM d.person_id
          AND (l.occurred_on, l.id) > (d.occurred_on, d.id))) THEN
    RAISE EXCEPTION 'after death' USING ERRCODE = 'check_violation', CONSTRAINT = 'milestone_after_death';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.add_column("milestones", sa.Column("corrects", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_milestones_corrects"), "milestones", "milestones", ["corrects"], ["id"])
    op.create_unique_constraint(op.f("uq_milestones_corrects"), "milestones", ["corrects"])
    op.execute(REDATE)
    op.execute(AFTER_DEATH)
    op.execute(
        "CREATE TRIGGER redate_arrival AFTER UPDATE OF arrived_on ON assignments FOR EACH ROW"
        " WHEN (OLD.arrived_on IS NOT NULL AND OLD.arrived_on IS DISTINCT FROM NEW.arrived_on)"
        " EXECUTE FUNCTION redate_arrival()"
    )
    # What is not applicable because somebody died is told after the death.
    op.execute(
        "CREATE TRIGGER refuse_after_death BEFORE INSERT ON milestones FOR EACH ROW"
        " WHEN (NEW.outcome <> 'not_applicable' AND NEW.occurred_on IS NOT NULL) EXECUTE FUNCTION refuse_after_death()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER refuse_after_death ON milestones")
    op.execute("DROP TRIGGER redate_arrival ON assignments")
    op.execute("DROP FUNCTION refuse_after_death()")
    op.execute("DROP FUNCTION redate_arrival()")
    op.drop_constraint(op.f("uq_milestones_corrects"), "milestones")
    op.drop_constraint(op.f("fk_milestones_corrects"), "milestones")
    op.drop_column("milestones", "corrects")
