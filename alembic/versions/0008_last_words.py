"""The database's last words completed, and a case's reach that no concurrent row escapes."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

EVIDENCE = (
    "attestation", "booking", "confirmation", "decision", "form", "lease", "letter", "mandate", "note", "notice",
    "receipt", "registration", "self_declared", "status_document", "other",
)  # fmt: skip
NOT_APPLICABLE = (
    "already_held", "declined_by_person", "not_eligible", "not_needed", "age", "service_unavailable", "left_region",
    "claim_ended", "deceased", "other",
)  # fmt: skip


def _in(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IS NULL OR {column} IN ({', '.join(repr(value) for value in values)})"


CHECKS = (
    ("cases", "anchor_of_programme",
     "(programme = 'asylum' AND undertaking_on IS NULL) OR (programme <> 'asylum' AND claimed_on IS NULL)"),
    ("capacities", "resource", "resource ~ '^(persons|school|francization|homes_[1-9][0-9]?)$'"),
    ("consents", "period", "expires_on >= occurred_on"),
    ("offers", "answer_has_time", "(status IN ('held', 'expired')) = (answered_at IS NULL)"),
    ("milestones", "not_applicable_has_reason", "(outcome = 'not_applicable') = (reason_code IS NOT NULL)"),
    ("milestones", "reason_code", _in("reason_code", NOT_APPLICABLE)),
    ("milestones", "evidence_kind", _in("evidence_kind", EVIDENCE)),
    ("milestones", "occurred_precision", "occurred_precision IN ('year', 'month', 'day', 'unknown')"),
)  # fmt: skip

CHILDREN = (
    "case_grants", "households", "persons", "subject_keys", "memberships", "identifiers", "consents",
    "claim_statuses", "needs", "preferences", "recommendations", "offers", "offer_answers", "assignments",
    "milestones", "milestone_expectations",
)  # fmt: skip
DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

# A new row's foreign key holds the case (KEY SHARE), so whoever moves the case waits for the row, or the row for them.
# Its reach was read before that wait: this runs after it ("z": after the foreign key's own trigger) and looks again.
FOLLOW = f"""
CREATE FUNCTION follow_case() RETURNS trigger {DEFINER} AS $$
DECLARE standing record;
BEGIN
  SELECT office_id, region_code INTO standing FROM cases WHERE id = NEW.case_id;
  IF (standing.office_id, standing.region_code) IS DISTINCT FROM (NEW.office_id, NEW.region_code) THEN
    EXECUTE format('UPDATE %I SET office_id = $1, region_code = $2 WHERE case_id = $3'
      ' AND (office_id, region_code) IS DISTINCT FROM ($1, $2)', TG_TABLE_NAME)
      USING standing.office_id, standing.region_code, NEW.case_id;
  END IF;
  RETURN NULL;
END $$
"""
# FOR UPDATE conflicts with the KEY SHARE of a foreign key; the plain UPDATE of a region does not.
HOLD = f"""
CREATE FUNCTION hold_case() RETURNS trigger {DEFINER} AS $$
BEGIN
  PERFORM 1 FROM cases WHERE id = NEW.id FOR UPDATE;
  RETURN NEW;
END $$
"""
# Places come back wherever the host is: a coordinator ends the placement of a household living in its own region.
GIVE_BACK = "    UPDATE capacities SET used = used - NEW.persons, version = version + 1 WHERE id = NEW.capacity_id;\n"


def _follow_household(give_back: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION follow_household() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF NEW.status = 'arrived' AND OLD.status <> 'arrived' THEN
    UPDATE cases SET region_code = NEW.host_region_code, arrived_on = coalesce(arrived_on, NEW.arrived_on),
      version = version + 1 WHERE id = NEW.case_id;
  ELSE
    UPDATE cases SET version = version + 1 WHERE id = NEW.case_id;
  END IF;
  -- Every host's view ends with the placement: who stops it (a partner, a region) does not see the other's grant.
  IF NEW.status IN ('refused', 'ended') THEN
    UPDATE case_grants SET ended_at = now()
    WHERE source = 'assignment' AND source_id = NEW.id AND ended_at IS NULL;
{give_back}  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(_follow_household(GIVE_BACK))
    for table, name, rule in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
    op.create_index(op.f("ix_case_grants_source_id"), "case_grants", ["source_id"])
    op.execute(FOLLOW)
    op.execute(HOLD)
    for table in CHILDREN:
        op.execute(f"CREATE TRIGGER z_follow_case AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION follow_case()")
    op.execute(
        "CREATE TRIGGER hold_case BEFORE UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION hold_case()"
    )


def downgrade() -> None:
    op.execute(_follow_household(""))
    op.execute("DROP TRIGGER hold_case ON cases")
    for table in CHILDREN:
        op.execute(f"DROP TRIGGER z_follow_case ON {table}")
    op.execute("DROP FUNCTION hold_case()")
    op.execute("DROP FUNCTION follow_case()")
    op.drop_index(op.f("ix_case_grants_source_id"), table_name="case_grants")
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
