"""Transfers: a household placed once moves to another place; the hold and the answers are an offer's."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0032"
down_revision = "0031"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
INSTANT = sa.DateTime(timezone=True)
STATUSES = (
    "('proposed', 'accepted', 'refused', 'declined', 'expired', 'withdrawn', 'departed', 'carried_out', 'interrupted')"
)
REASONS = (
    "('family', 'community_ties', 'employment', 'school', 'health_care', 'housing', 'safety', 'services', 'other')"
)
REFUSALS = (
    "('no_staff', 'housing_fell_through', 'service_not_offered', 'outside_territory', 'conflict_of_interest', 'other')"
)
WITHDRAWALS = "('household_changed_its_mind', 'circumstances_changed', 'place_lost', 'mistaken', 'other')"
OLD_CODES = "'left_region', 'returned_to_metropolis', 'moved_within_region', 'stay_completed', 'handed_over', 'other'"
NEW_CODES = f"{OLD_CODES}, 'returned_to_previous_region', 'transferred'"
CARRY = f"""
CREATE FUNCTION carry_reach_to_transfers() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE transfers SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  RETURN NULL;
END $$
"""
# However the offer behind it comes to nothing: an adult's no, a withdrawal, or silence.
FOLLOW_OFFER = f"""
CREATE FUNCTION transfer_follows_offer() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE transfers SET status = NEW.status, closed_at = now(), version = version + 1
  WHERE offer_id = NEW.id AND status = 'proposed';
  RETURN NULL;
END $$
"""
# Places come back and every host's view ends: who stops a transfer (a partner) does not see the region's grant.
SETTLE = f"""
CREATE FUNCTION settle_transfer() RETURNS trigger {DEFINER} AS $$
DECLARE kept record;
BEGIN
  SELECT status, capacity_id, persons INTO kept FROM offers WHERE id = NEW.offer_id FOR UPDATE;
  IF kept.status = 'held' THEN
    UPDATE capacities SET held = held - kept.persons, version = version + 1 WHERE id = kept.capacity_id;
    UPDATE offers SET status = 'withdrawn', answered_at = now(), version = version + 1 WHERE id = NEW.offer_id;
  ELSIF kept.status = 'accepted' THEN
    UPDATE capacities SET used = used - kept.persons, version = version + 1 WHERE id = kept.capacity_id;
  END IF;
  UPDATE case_grants SET ended_at = now() WHERE source_id = NEW.offer_id AND ended_at IS NULL;
  UPDATE cases SET version = version + 1 WHERE id = NEW.case_id;
  RETURN NULL;
END $$
"""
FOLLOW_HOUSEHOLD = f"""
CREATE FUNCTION transfer_follows_household() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE transfers SET closed_at = now(), version = version + 1,
    status = CASE NEW.status WHEN 'arrived' THEN 'carried_out' ELSE 'interrupted' END
  WHERE assignment_id = NEW.id AND status = 'departed';
  RETURN NULL;
END $$
"""
FUNCTIONS = (CARRY, FOLLOW_OFFER, SETTLE, FOLLOW_HOUSEHOLD)
FOREIGN = {
    "case_id": "cases.id", "offer_id": "offers.id", "from_assignment_id": "assignments.id",
    "assignment_id": "assignments.id", "capacity_id": "capacities.id", "organization_id": "organizations.id",
    "agreement_id": "agreements.id", "geo_code": "municipalities.geo_code",
    "from_region_code": "admin_regions.code", "to_region_code": "admin_regions.code",
}  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "transfers",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("from_assignment_id", sa.Uuid(), nullable=False),
        sa.Column("from_region_code", sa.String(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("capacity_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("geo_code", sa.String(), nullable=False),
        sa.Column("to_region_code", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refusal_code", sa.Text(), nullable=True),
        sa.Column("withdrawal_code", sa.Text(), nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        *_checks(),
        *(
            sa.ForeignKeyConstraint([column], [parent], name=op.f(f"fk_transfers_{column}"))
            for column, parent in FOREIGN.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("offer_id", name=op.f("uq_transfers_offer_id")),
        sa.UniqueConstraint("assignment_id", name=op.f("uq_transfers_assignment_id")),
    )
    for column in ("case_id", "organization_id"):
        op.create_index(op.f(f"ix_transfers_{column}"), "transfers", [column])
    op.create_index(
        "uq_transfers_one_open", "transfers", ["case_id"], unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'accepted')"),
    )  # fmt: skip
    _end_codes(NEW_CODES)
    for function in FUNCTIONS:
        op.execute(function)
    _triggers()


def _checks() -> list[sa.CheckConstraint]:
    rules = {
        "status": f"status IN {STATUSES}",
        "asked_by": "asked_by IN ('household', 'caseworker')",
        "reason_code": f"reason_code IN {REASONS}",
        "refusal_code": f"refusal_code IS NULL OR refusal_code IN {REFUSALS}",
        "withdrawal_code": f"withdrawal_code IS NULL OR withdrawal_code IN {WITHDRAWALS}",
        "refusal_has_reason": "(status = 'refused') = (refusal_code IS NOT NULL)",
        "departure_has_assignment": "(status IN ('departed', 'carried_out', 'interrupted')) = (assignment_id IS NOT NULL)",
        "end_has_time": "(status IN ('proposed', 'accepted', 'departed')) = (closed_at IS NULL)",
    }
    return [sa.CheckConstraint(rule, name=op.f(f"ck_transfers_{name}")) for name, rule in rules.items()]


def _triggers() -> None:
    op.execute("CREATE TRIGGER z_follow_case AFTER INSERT ON transfers FOR EACH ROW EXECUTE FUNCTION follow_case()")
    op.execute(
        "CREATE TRIGGER carry_reach_to_transfers AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_to_transfers()"
    )
    op.execute(
        "CREATE TRIGGER transfer_follows_offer AFTER UPDATE OF status ON offers FOR EACH ROW"
        " WHEN (NEW.status IN ('declined', 'expired', 'withdrawn')) EXECUTE FUNCTION transfer_follows_offer()"
    )
    op.execute(
        "CREATE TRIGGER settle_transfer AFTER UPDATE OF status ON transfers FOR EACH ROW"
        " WHEN (OLD.status IN ('proposed', 'accepted') AND NEW.status IN ('refused', 'withdrawn'))"
        " EXECUTE FUNCTION settle_transfer()"
    )
    op.execute(
        "CREATE TRIGGER transfer_follows_household AFTER UPDATE OF status ON assignments FOR EACH ROW"
        " WHEN (NEW.status IN ('arrived', 'ended')) EXECUTE FUNCTION transfer_follows_household()"
    )


def _end_codes(codes: str) -> None:
    op.drop_constraint(op.f("ck_assignments_end_code"), "assignments", type_="check")
    op.create_check_constraint(
        op.f("ck_assignments_end_code"), "assignments", f"end_code IS NULL OR end_code IN ({codes})"
    )


def downgrade() -> None:
    """What was transferred has moved; the older schema has no other word for it than `other`."""
    op.execute("DROP TRIGGER transfer_follows_household ON assignments")
    op.execute("DROP TRIGGER transfer_follows_offer ON offers")
    op.execute("DROP TRIGGER carry_reach_to_transfers ON cases")
    # Places that a household was still to take are free again.
    op.execute(
        "UPDATE transfers SET status = 'withdrawn', closed_at = now() WHERE status = 'accepted' OR (status = 'proposed'"
        " AND offer_id IN (SELECT id FROM offers WHERE status IN ('held', 'accepted')))"
    )
    op.drop_table("transfers")
    for function in (
        "transfer_follows_household",
        "settle_transfer",
        "transfer_follows_offer",
        "carry_reach_to_transfers",
    ):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute(
        "UPDATE assignments SET end_code = 'other' WHERE end_code IN ('returned_to_previous_region', 'transferred')"
    )
    _end_codes(OLD_CODES)
