"""Pilots: their regions, partners and targets, departures with seats, enrolments that end with a consent."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0013"

DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
INSTANT = sa.DateTime(timezone=True)
CARRY = f"""
CREATE FUNCTION carry_reach_to_enrolments() RETURNS trigger LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
  UPDATE enrolments SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  RETURN NULL;
END $$
"""
# An adult's last word on the pilot is a no: the household leaves it, and its seats are free again unless the coach has
# left. Departures are locked first, as whoever records a departure does.
LEAVE = f"""
CREATE FUNCTION leave_pilots() RETURNS trigger LANGUAGE plpgsql {DEFINER} AS $$
DECLARE leaving uuid[];
BEGIN
  SELECT array_agg(e.id) INTO leaving FROM enrolments e
  WHERE e.status IN ('enrolled', 'departed') AND EXISTS (
    SELECT 1 FROM heard h WHERE h.case_id = e.case_id AND h.purpose = 'pilot' AND NOT (
      SELECT k.given FROM consents k WHERE k.person_id = h.person_id AND k.purpose = 'pilot'
      ORDER BY k.occurred_on DESC, k.recorded_at DESC, k.given LIMIT 1));
  IF leaving IS NULL THEN RETURN NULL; END IF;
  PERFORM 1 FROM cohorts c WHERE c.id IN (SELECT e.cohort_id FROM enrolments e WHERE e.id = ANY(leaving))
    ORDER BY c.id FOR UPDATE;
  WITH gone AS (
    UPDATE enrolments SET status = 'withdrawn', ended_at = now(), version = version + 1
    WHERE id = ANY(leaving) AND status IN ('enrolled', 'departed') RETURNING cohort_id, persons, departed_on
  ), free AS (SELECT cohort_id, sum(persons) AS persons FROM gone WHERE departed_on IS NULL GROUP BY cohort_id)
  UPDATE cohorts c SET taken = c.taken - free.persons, version = c.version + 1 FROM free WHERE c.id = free.cohort_id;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    _pilots()
    _cohorts()
    _enrolments()
    op.execute(CARRY)
    op.execute(
        "CREATE TRIGGER carry_reach_to_enrolments AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_to_enrolments()"
    )
    op.execute(LEAVE)
    op.execute(
        "CREATE TRIGGER leave_pilots AFTER INSERT ON consents REFERENCING NEW TABLE AS heard"
        " FOR EACH STATEMENT EXECUTE FUNCTION leave_pilots()"
    )


def _pilots() -> None:
    op.create_table(
        "pilots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("programme IN ('asylum', 'collective_sponsorship')", name=op.f("ck_pilots_programme")),
        sa.CheckConstraint(
            "end_reason IS NULL OR end_reason IN ('fewer_participants', 'cost', 'departures', 'partner_lost',"
            " 'goals_reached', 'other')", name=op.f("ck_pilots_end_reason")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_pilots_period")),
        sa.CheckConstraint("(ended_on IS NULL) = (end_reason IS NULL)", name=op.f("ck_pilots_end_has_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pilots")),
    )  # fmt: skip
    for table, column, kind, parent in (
        ("pilot_regions", "region_code", sa.String(), "admin_regions.code"),
        ("pilot_partners", "organization_id", sa.Uuid(), "organizations.id"),
    ):
        op.create_table(
            table,
            sa.Column("pilot_id", sa.Uuid(), nullable=False),
            sa.Column(column, kind, nullable=False),
            sa.ForeignKeyConstraint(["pilot_id"], ["pilots.id"], name=op.f(f"fk_{table}_pilot_id")),
            sa.ForeignKeyConstraint([column], [parent], name=op.f(f"fk_{table}_{column}")),
            sa.PrimaryKeyConstraint("pilot_id", column, name=op.f(f"pk_{table}")),
        )
    op.create_table(
        "pilot_targets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pilot_id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "measure IN ('enrolled', 'departed', 'arrived', 'retained_30', 'retained_90', 'retained_180',"
            " 'retained_365')", name=op.f("ck_pilot_targets_measure")),
        sa.CheckConstraint("persons >= 0", name=op.f("ck_pilot_targets_persons")),
        sa.ForeignKeyConstraint(["pilot_id"], ["pilots.id"], name=op.f("fk_pilot_targets_pilot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pilot_targets")),
    )  # fmt: skip
    op.create_index(op.f("ix_pilot_targets_pilot_id"), "pilot_targets", ["pilot_id"])


def _cohorts() -> None:
    op.create_table(
        "cohorts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("pilot_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("departs_on", sa.Date(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("departed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("status IN ('planned', 'departed', 'cancelled')", name=op.f("ck_cohorts_status")),
        sa.CheckConstraint("0 <= taken AND taken <= seats", name=op.f("ck_cohorts_seats")),
        sa.CheckConstraint(
            "(status = 'departed') = (departed_on IS NOT NULL)", name=op.f("ck_cohorts_departed_has_date")
        ),
        sa.ForeignKeyConstraint(["pilot_id"], ["pilots.id"], name=op.f("fk_cohorts_pilot_id")),
        sa.ForeignKeyConstraint(
            ["pilot_id", "region_code"], ["pilot_regions.pilot_id", "pilot_regions.region_code"],
            name=op.f("fk_cohorts_pilot_id_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohorts")),
    )  # fmt: skip
    op.create_index(op.f("ix_cohorts_pilot_id"), "cohorts", ["pilot_id"])


def _enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("pilot_id", sa.Uuid(), nullable=False),
        sa.Column("cohort_id", sa.Uuid(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("enrolled_on", sa.Date(), nullable=False),
        sa.Column("departed_on", sa.Date(), nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "status IN ('enrolled', 'departed', 'stayed', 'withdrawn', 'handed_over')",
            name=op.f("ck_enrolments_status")),
        sa.CheckConstraint("persons > 0", name=op.f("ck_enrolments_persons")),
        sa.CheckConstraint(
            "status <> 'departed' OR departed_on IS NOT NULL", name=op.f("ck_enrolments_departed_has_date")),
        sa.CheckConstraint(
            "(status IN ('enrolled', 'departed')) = (ended_at IS NULL)", name=op.f("ck_enrolments_ended_has_instant")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_enrolments_case_id")),
        sa.ForeignKeyConstraint(["pilot_id"], ["pilots.id"], name=op.f("fk_enrolments_pilot_id")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohorts.id"], name=op.f("fk_enrolments_cohort_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
    )  # fmt: skip
    op.create_index(op.f("ix_enrolments_case_id"), "enrolments", ["case_id"])
    op.create_index(op.f("ix_enrolments_cohort_id"), "enrolments", ["cohort_id"])
    op.create_index(
        "uq_enrolments_live", "enrolments", ["pilot_id", "case_id"], unique=True,
        postgresql_where=sa.text("status IN ('enrolled', 'departed')"),
    )  # fmt: skip


def downgrade() -> None:
    op.execute("DROP TRIGGER leave_pilots ON consents")
    op.execute("DROP TRIGGER carry_reach_to_enrolments ON cases")
    for function in ("leave_pilots", "carry_reach_to_enrolments"):
        op.execute(f"DROP FUNCTION {function}()")
    for table in ("enrolments", "cohorts", "pilot_targets", "pilot_partners", "pilot_regions", "pilots"):
        op.drop_table(table)
