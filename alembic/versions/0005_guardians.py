"""Triggers: the log is insert-only and queues itself; a case's reach follows it into every child row."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

CHILDREN = (
    "case_grants", "households", "persons", "subject_keys", "memberships", "identifiers", "consents",
    "claim_statuses", "needs", "preferences", "recommendations", "offers", "offer_answers", "assignments",
    "milestones", "milestone_expectations",
)  # fmt: skip
INSERT_ONLY = ("log_leaves", "log_entries", "log_nodes", "log_checkpoints", "read_entries")

# SECURITY DEFINER: the actor may change a status without being allowed to touch what follows from it.
DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"

REFUSE = f"""
CREATE FUNCTION refuse_rewriting() RETURNS trigger {DEFINER} AS $$
BEGIN
  RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = '42501';
END $$
"""
QUEUE = f"""
CREATE FUNCTION queue_leaf() RETURNS trigger {DEFINER} AS $$
BEGIN
  INSERT INTO log_queue (leaf_id, log) VALUES (NEW.id, NEW.log);
  RETURN NULL;
END $$
"""
CARRY = (
    f"CREATE FUNCTION carry_reach() RETURNS trigger {DEFINER} AS $$\nBEGIN\n"
    + "\n".join(
        f"  UPDATE {table} SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;"
        for table in CHILDREN
    )
    + "\n  RETURN NULL;\nEND $$"
)
OFFERED = f"""
CREATE FUNCTION note_offer_on_case() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE cases SET offered_on = coalesce(offered_on, (now() AT TIME ZONE 'America/Toronto')::date),
    version = version + 1 WHERE id = NEW.case_id;
  RETURN NULL;
END $$
"""
ARRIVED = f"""
CREATE FUNCTION follow_household() RETURNS trigger {DEFINER} AS $$
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
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("CREATE SEQUENCE case_references")
    for function in (REFUSE, QUEUE, CARRY, OFFERED, ARRIVED):
        op.execute(function)
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
        )
        op.execute(
            f"CREATE TRIGGER refuse_truncating BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )
    op.execute("CREATE TRIGGER queue_leaf AFTER INSERT ON log_leaves FOR EACH ROW EXECUTE FUNCTION queue_leaf()")
    op.execute(
        "CREATE TRIGGER carry_reach AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach()"
    )
    op.execute(
        "CREATE TRIGGER note_offer_on_case AFTER INSERT ON offers FOR EACH ROW EXECUTE FUNCTION note_offer_on_case()"
    )
    op.execute(
        "CREATE TRIGGER follow_household AFTER UPDATE OF status ON assignments FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION follow_household()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER follow_household ON assignments")
    op.execute("DROP TRIGGER note_offer_on_case ON offers")
    op.execute("DROP TRIGGER carry_reach ON cases")
    op.execute("DROP TRIGGER queue_leaf ON log_leaves")
    for table in INSERT_ONLY:
        op.execute(f"DROP TRIGGER refuse_truncating ON {table}")
        op.execute(f"DROP TRIGGER refuse_rewriting ON {table}")
    for function in (
        "follow_household",
        "note_offer_on_case",
        "carry_reach",
        "queue_leaf",
        "refuse_rewriting",
    ):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP SEQUENCE case_references")
