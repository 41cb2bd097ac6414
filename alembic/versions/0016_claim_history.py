"""The claim's history whole: hearings, who said it, entries voided; and the duty to tell both authorities of a move."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0015"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
STATUS_COLUMNS = (
    ("hearing_on", sa.Date()), ("hearing_place", sa.Text()), ("recorded_by", sa.Uuid()),
    ("voided_at", sa.DateTime(timezone=True)), ("voided_by", sa.Uuid()), ("sealed_void_reason", sa.LargeBinary()),
)  # fmt: skip
CHECKS = (
    ("hearing_place", "hearing_place IS NULL OR hearing_place IN ('montreal', 'elsewhere', 'video', 'unknown')"),
    ("hearing_of_a_hearing",
     "(hearing_on IS NULL AND hearing_place IS NULL) OR status IN ('hearing_scheduled', 'hearing_postponed')"),
    ("void_is_whole", "(voided_at IS NULL) = (voided_by IS NULL)"),
)  # fmt: skip
CARRY = f"""
CREATE FUNCTION carry_reach_of_notices() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE address_notices SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  RETURN NULL;
END $$
"""
# Beside destroy_subject, which decides whether and what is erased: this runs once it has let the erasure through.
FORGET = f"""
CREATE FUNCTION forget_receipts() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE address_notices SET sealed_receipt = NULL WHERE case_id = NEW.case_id AND NEW.last_of_household;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    for name, kind in STATUS_COLUMNS:
        op.add_column("claim_statuses", sa.Column(name, kind, nullable=True))
    op.add_column("claim_statuses", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("claim_statuses", "version", server_default=None)
    for name, rule in CHECKS:
        op.create_check_constraint(op.f(f"ck_claim_statuses_{name}"), "claim_statuses", rule)
    op.create_table(
        "address_notices",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("moved_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notified_on", sa.Date(), nullable=True),
        sa.Column("notified_by", sa.Uuid(), nullable=True),
        sa.Column("sealed_receipt", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("authority IN ('irb', 'ircc_cbsa')", name=op.f("ck_address_notices_authority")),
        sa.CheckConstraint(
            "(notified_on IS NULL) = (notified_by IS NULL)", name=op.f("ck_address_notices_done_by_somebody")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_address_notices_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_notices")),
        sa.UniqueConstraint("source_id", "authority", name=op.f("uq_address_notices_source_id_authority")),
    )
    op.create_index(op.f("ix_address_notices_case_id"), "address_notices", ["case_id"])
    op.execute(CARRY)
    op.execute(FORGET)
    op.execute(
        "CREATE TRIGGER carry_reach_of_notices AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_of_notices()"
    )
    op.execute(
        "CREATE TRIGGER z_follow_case AFTER INSERT ON address_notices FOR EACH ROW EXECUTE FUNCTION follow_case()"
    )
    op.execute(
        "CREATE TRIGGER forget_receipts AFTER UPDATE OF status ON erasures FOR EACH ROW WHEN (NEW.status = 'done')"
        " EXECUTE FUNCTION forget_receipts()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER forget_receipts ON erasures")
    op.execute("DROP TRIGGER carry_reach_of_notices ON cases")
    op.drop_table("address_notices")
    op.execute("DROP FUNCTION forget_receipts()")
    op.execute("DROP FUNCTION carry_reach_of_notices()")
    # An older schema shows every entry as standing: those that were voided go.
    op.execute("DELETE FROM claim_statuses WHERE voided_at IS NOT NULL")
    for name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_claim_statuses_{name}"), "claim_statuses")
    op.drop_column("claim_statuses", "version")
    for name, _ in STATUS_COLUMNS:
        op.drop_column("claim_statuses", name)
