"""Settlement reports, which tell their undertaking that they were received; a sponsor's view ends with it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0018"
down_revision = "0017"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
CARRY = f"""
CREATE FUNCTION carry_reach_to_reports() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE settlement_reports SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  RETURN NULL;
END $$
"""
# The report moves its undertaking, so that nobody who hands one in has to be allowed to change any.
RECEIVE = f"""
CREATE FUNCTION receive_report() RETURNS trigger {DEFINER} AS $$
DECLARE standing undertakings;
BEGIN
  SELECT * INTO standing FROM undertakings WHERE id = NEW.undertaking_id AND household_case_id = NEW.case_id FOR UPDATE;
  IF NEW.number = 1 AND standing.state = 'report1_due' THEN
    UPDATE undertakings SET state = 'report2_due', report1_received_on = NEW.occurred_on, version = version + 1
      WHERE id = standing.id;
    INSERT INTO undertaking_events (id, undertaking_id, spokesperson_id, region_code, state, occurred_on, recorded_at,
      recorded_by) VALUES (gen_random_uuid(), standing.id, standing.spokesperson_id, standing.region_code, 'report2_due',
      NEW.occurred_on, NEW.recorded_at, NEW.recorded_by);
  ELSIF NEW.number = 2 AND standing.state = 'report2_due' AND standing.report2_received_on IS NULL THEN
    UPDATE undertakings SET report2_received_on = NEW.occurred_on, version = version + 1 WHERE id = standing.id;
  ELSE
    RAISE EXCEPTION 'this report is not due' USING ERRCODE = '42501';
  END IF;
  RETURN NULL;
END $$
"""
# The view that a spokesperson was given of the household's case ends with the undertaking, whoever ends it.
END_VIEW = f"""
CREATE FUNCTION end_sponsor_view() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE case_grants SET ended_at = now() WHERE source = 'undertaking' AND source_id = NEW.id AND ended_at IS NULL;
  RETURN NULL;
END $$
"""
FOLLOWING = (
    ("draft", "submitted"), ("draft", "cancelled"), ("submitted", "drawn"), ("submitted", "not_drawn"),
    ("submitted", "cancelled"), ("drawn", "under_review"), ("drawn", "cancelled"), ("under_review", "accepted"),
    ("under_review", "refused"), ("under_review", "cancelled"), ("accepted", "csq_issued"), ("accepted", "cancelled"),
    ("csq_issued", "arrived"), ("csq_issued", "cancelled"), ("arrived", "report1_due"), ("arrived", "breakdown"),
    ("arrived", "transferred"), ("report1_due", "report2_due"), ("report1_due", "breakdown"),
    ("report1_due", "transferred"), ("report2_due", "completed"), ("report2_due", "breakdown"),
    ("report2_due", "transferred"),
)  # fmt: skip
PAIRS = ", ".join(f"'{one} {following}'" for one, following in FOLLOWING)
A_REPORT = (
    "NOT (NEW.state = 'report2_due' AND EXISTS (SELECT FROM settlement_reports r"
    " WHERE r.undertaking_id = NEW.id AND r.number = 1))"
)


def _guard(but: str) -> str:
    """As in 0013; `but`: what a spokesperson's own report may bring about."""
    return f"""
CREATE OR REPLACE FUNCTION guard_undertaking() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state = 'draft' AND NEW.transferred_from_id IS NULL THEN RETURN NEW; END IF;
    IF NEW.transferred_from_id IS NOT NULL AND authz.claim('programme_manager', 3) IS NOT NULL THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'an undertaking begins as a draft' USING ERRCODE = '42501';
  END IF;
  IF OLD.state || ' ' || NEW.state NOT IN ({PAIRS})
  THEN RAISE EXCEPTION 'no such step of an undertaking' USING ERRCODE = '42501'; END IF;
  IF authz.claim('sponsor_spokesperson', 3) IS NOT NULL AND NEW.state NOT IN ('submitted', 'cancelled') AND {but}
  THEN RAISE EXCEPTION 'a step of the ministry' USING ERRCODE = '42501'; END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "settlement_reports",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("undertaking_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("duties", postgresql.JSONB(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("number IN (1, 2)", name=op.f("ck_settlement_reports_number")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_settlement_reports_case_id")),
        sa.ForeignKeyConstraint(
            ["undertaking_id"], ["undertakings.id"], name=op.f("fk_settlement_reports_undertaking_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_reports")),
        sa.UniqueConstraint("undertaking_id", "number", name=op.f("uq_settlement_reports_undertaking_id_number")),
    )
    op.create_index(op.f("ix_settlement_reports_case_id"), "settlement_reports", ["case_id"])
    for function in (CARRY, RECEIVE, END_VIEW, _guard(A_REPORT)):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER carry_reach_to_reports AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_to_reports()"
    )
    op.execute(
        "CREATE TRIGGER z_follow_case AFTER INSERT ON settlement_reports FOR EACH ROW EXECUTE FUNCTION follow_case()"
    )
    op.execute(
        "CREATE TRIGGER receive_report AFTER INSERT ON settlement_reports FOR EACH ROW EXECUTE FUNCTION receive_report()"
    )
    op.execute(
        "CREATE TRIGGER end_sponsor_view AFTER UPDATE OF state ON undertakings FOR EACH ROW"
        " WHEN (NEW.state IN ('completed', 'breakdown', 'transferred', 'cancelled')) EXECUTE FUNCTION end_sponsor_view()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER end_sponsor_view ON undertakings")
    op.execute("DROP TRIGGER carry_reach_to_reports ON cases")
    op.execute(_guard("true"))
    op.drop_table("settlement_reports")
    for name in ("end_sponsor_view", "receive_report", "carry_reach_to_reports"):
        op.execute(f"DROP FUNCTION {name}()")
