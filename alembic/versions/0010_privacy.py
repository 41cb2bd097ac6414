"""Erasure by key destruction, legal holds, the register of confidentiality incidents."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
FOLLOWING = ("erasures", "legal_holds")

CARRY = (
    f"CREATE FUNCTION carry_reach_to_privacy() RETURNS trigger {DEFINER} AS $$\nBEGIN\n"
    + "\n".join(
        f"  UPDATE {table} SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;"
        for table in FOLLOWING
    )
    + "\n  RETURN NULL;\nEND $$"
)
# Who asks and who decides is whom the transaction's context was signed for (3 is the actor): four eyes hold even
# against SQL injected into one person's session. A rule's code is the sweep's alone.
ASK = f"""
CREATE FUNCTION ask_for_erasure() RETURNS trigger {DEFINER} AS $$
DECLARE
  by_rule text := authz.claim('retention', 3);
  asker text := coalesce(by_rule, authz.claim('caseworker', 3), authz.claim('programme_manager', 3));
BEGIN
  IF NEW.status <> 'requested' OR NEW.requested_by::text IS DISTINCT FROM asker
    OR (NEW.rule_code IS NULL) <> (by_rule IS NULL)
  THEN RAISE EXCEPTION 'an erasure begins as a request of its own author' USING ERRCODE = '42501'; END IF;
  RETURN NEW;
END $$
"""
# What goes when an erasure is done. The one place where a subject's key is destroyed: a table that comes to hold
# personal content, or a search token, is added here.
DESTROY = f"""
CREATE FUNCTION destroy_subject() RETURNS trigger {DEFINER} AS $$
DECLARE
  decider text := coalesce(authz.claim('retention', 3), authz.claim('programme_manager', 3));
  subjects uuid[] := ARRAY[NEW.person_id];
BEGIN
  IF OLD.status <> 'requested' OR NEW.decided_by::text IS DISTINCT FROM decider
  THEN RAISE EXCEPTION 'an erasure is decided once, by its own decider' USING ERRCODE = '42501'; END IF;
  IF NEW.status <> 'done' THEN RETURN NEW; END IF;
  PERFORM FROM cases WHERE id = NEW.case_id FOR UPDATE;
  IF EXISTS (SELECT FROM legal_holds h WHERE h.case_id = NEW.case_id AND h.released_at IS NULL
    AND (h.person_id IS NULL OR h.person_id = NEW.person_id))
  THEN RAISE EXCEPTION 'under a legal hold' USING ERRCODE = '42501'; END IF;

  NEW.last_of_household := NOT EXISTS (SELECT FROM subject_keys k WHERE k.case_id = NEW.case_id
    AND k.kind = 'person' AND k.subject_id <> NEW.person_id AND k.erased_at IS NULL);
  IF NEW.last_of_household THEN
    subjects := subjects || ARRAY(SELECT subject_id FROM subject_keys WHERE case_id = NEW.case_id
      AND kind = 'household' AND erased_at IS NULL);
  END IF;
  DELETE FROM log_links WHERE leaf_id IN (SELECT leaf_id FROM log_openings WHERE subject_id = ANY (subjects));
  DELETE FROM log_openings WHERE subject_id = ANY (subjects);
  GET DIAGNOSTICS NEW.openings_destroyed = ROW_COUNT;
  UPDATE subject_keys SET wrapped = '', erased_at = NEW.decided_at WHERE subject_id = ANY (subjects);
  -- A stored first answer may name every member under the household's key.
  UPDATE idempotency_records SET sealed_answer = '' WHERE case_id = NEW.case_id OR subject_id = ANY (subjects);

  UPDATE persons SET sealed_name = '', sealed_birth = NULL, sealed_contact = NULL, external_id = NULL,
    languages = '[]', is_adult = NULL WHERE id = NEW.person_id;
  DELETE FROM identifiers WHERE person_id = NEW.person_id;
  DELETE FROM name_tokens WHERE person_id = NEW.person_id;
  DELETE FROM sealed_addresses WHERE person_id = NEW.person_id;
  DELETE FROM claim_statuses WHERE person_id = NEW.person_id OR (NEW.last_of_household AND case_id = NEW.case_id);
  DELETE FROM milestone_expectations WHERE fulfilled_by IS NULL
    AND (person_id = NEW.person_id OR (NEW.last_of_household AND case_id = NEW.case_id));
  UPDATE milestones SET sealed_evidence = NULL, sealed_note = NULL, external_id = NULL,
    sealed_void_reason = CASE WHEN voided_at IS NULL THEN NULL ELSE ''::bytea END
    WHERE person_id = NEW.person_id OR (NEW.last_of_household AND case_id = NEW.case_id);
  IF NEW.last_of_household THEN
    DELETE FROM needs WHERE case_id = NEW.case_id;
    DELETE FROM preferences WHERE case_id = NEW.case_id;
    UPDATE offers SET recommendation_id = NULL, sealed_reason = '', sealed_withdraw_reason = NULL WHERE case_id = NEW.case_id;
    DELETE FROM recommendations WHERE case_id = NEW.case_id;
    UPDATE assignments SET sealed_end_reason = NULL WHERE case_id = NEW.case_id;
    UPDATE glass_breaks SET sealed_reason = '', sealed_review = NULL WHERE case_id = NEW.case_id;
    UPDATE case_grants SET ended_at = NEW.decided_at WHERE case_id = NEW.case_id AND ended_at IS NULL;
    UPDATE cases SET status = 'closed', closed_at = coalesce(closed_at, NEW.decided_at), sealed_close_reason = NULL,
      external_id = NULL, claimed_on = NULL, undertaking_on = NULL WHERE id = NEW.case_id;
  END IF;
  UPDATE cases SET version = version + 1 WHERE id = NEW.case_id;
  RETURN NEW;
END $$
"""
# The register keeps an incident five years from the day the body knew of it (A-2.1, r. 3.1, s. 8); then, and then
# only, it may go.
KEEP = f"""
CREATE FUNCTION keep_incident() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.aware_until + interval '5 years' < (now() AT TIME ZONE 'America/Toronto')::date
  THEN RETURN OLD; END IF;
  RAISE EXCEPTION '% is kept as it was written', TG_TABLE_NAME USING ERRCODE = '42501';
END $$
"""
FUNCTIONS = (CARRY, ASK, DESTROY, KEEP)


def bound_to_case(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f(f"fk_{table}_case_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f(f"fk_{table}_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    op.add_column("subject_keys", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_subject_keys_erased_is_empty"), "subject_keys", "(erased_at IS NULL) = (length(wrapped) > 0)"
    )
    _erasures()
    _legal_holds()
    _incidents()
    for function in FUNCTIONS:
        op.execute(function)
    op.execute("CREATE TRIGGER ask BEFORE INSERT ON erasures FOR EACH ROW EXECUTE FUNCTION ask_for_erasure()")
    op.execute(
        "CREATE TRIGGER decide BEFORE UPDATE OF status, decided_by, decided_at, refusal ON erasures"
        " FOR EACH ROW EXECUTE FUNCTION destroy_subject()"
    )
    op.execute(
        "CREATE TRIGGER carry_reach_to_privacy AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_to_privacy()"
    )
    op.execute(
        "CREATE TRIGGER keep_incident BEFORE UPDATE OR DELETE ON incident_versions"
        " FOR EACH ROW EXECUTE FUNCTION keep_incident()"
    )
    op.execute("CREATE TRIGGER keep_incident BEFORE DELETE ON incidents FOR EACH ROW EXECUTE FUNCTION keep_incident()")


def _erasures() -> None:
    op.create_table(
        "erasures",
        *bound_to_case("erasures"),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("rule_code", sa.String(), nullable=True),
        sa.Column("last_of_household", sa.Boolean(), nullable=True),
        sa.Column("openings_destroyed", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('purpose_achieved', 'wrong_person', 'unlawful_collection', 'order', 'retention')",
            name=op.f("ck_erasures_reason"),
        ),
        sa.CheckConstraint("status IN ('requested', 'refused', 'done')", name=op.f("ck_erasures_status")),
        sa.CheckConstraint(
            "refusal IS NULL OR refusal IN ('still_needed', 'archives', 'not_founded', 'other_person')",
            name=op.f("ck_erasures_refusal"),
        ),
        sa.CheckConstraint("rule_code IS NOT NULL OR decided_by <> requested_by", name=op.f("ck_erasures_four_eyes")),
        sa.CheckConstraint(
            "(rule_code IS NOT NULL) = (reason = 'retention')", name=op.f("ck_erasures_rule_is_retention")
        ),
        sa.CheckConstraint(
            "(status = 'requested') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_erasures_decision_is_whole"),
        ),
        sa.CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_erasures_refused_has_reason")),
    )
    op.create_index(op.f("ix_erasures_case_id"), "erasures", ["case_id"])
    op.create_index(op.f("ix_erasures_person_id"), "erasures", ["person_id"])
    op.create_index(
        "uq_erasures_one_request",
        "erasures",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("status = 'requested' AND rule_code IS NULL"),
    )


def _legal_holds() -> None:
    op.create_table(
        "legal_holds",
        *bound_to_case("legal_holds"),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("placed_by", sa.Uuid(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_reference", sa.String(), nullable=True),
        sa.CheckConstraint(
            "basis IN ('litigation', 'access_request', 'investigation', 'audit', 'archives')",
            name=op.f("ck_legal_holds_basis"),
        ),
        sa.CheckConstraint(
            "(released_at IS NULL) = (released_by IS NULL)", name=op.f("ck_legal_holds_release_is_whole")
        ),
    )
    op.create_index(op.f("ix_legal_holds_case_id"), "legal_holds", ["case_id"])


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("aware_until", sa.Date(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_aware_until"), "incidents", ["aware_until"])
    op.create_table(
        "incident_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("information_known", sa.Boolean(), nullable=False),
        sa.Column("occurred_from", sa.Date(), nullable=False),
        sa.Column("occurred_until", sa.Date(), nullable=False),
        sa.Column("occurred_approximate", sa.Boolean(), nullable=False),
        sa.Column("aware_from", sa.Date(), nullable=False),
        sa.Column("aware_until", sa.Date(), nullable=False),
        sa.Column("persons_count", sa.Integer(), nullable=False),
        sa.Column("persons_approximate", sa.Boolean(), nullable=False),
        sa.Column("sensitivity", sa.Text(), nullable=False),
        sa.Column("likelihood", sa.Text(), nullable=False),
        sa.Column("serious_risk", sa.Boolean(), nullable=False),
        sa.Column("commission_notified_on", sa.Date(), nullable=True),
        sa.Column("persons_notified_on", sa.Date(), nullable=True),
        sa.Column("persons_notice_deferred", sa.Boolean(), nullable=False),
        sa.Column("public_notice_on", sa.Date(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("sensitivity IN ('low', 'moderate', 'high')", name=op.f("ck_incident_versions_sensitivity")),
        sa.CheckConstraint("likelihood IN ('low', 'moderate', 'high')", name=op.f("ck_incident_versions_likelihood")),
        sa.CheckConstraint("persons_count >= 0", name=op.f("ck_incident_versions_persons_count")),
        sa.CheckConstraint(
            "occurred_from <= occurred_until AND aware_from <= aware_until",
            name=op.f("ck_incident_versions_periods"),
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_incident_versions_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_versions")),
        sa.UniqueConstraint("incident_id", "version", name=op.f("uq_incident_versions_incident_id_version")),
    )


def downgrade() -> None:
    """Keys that were destroyed stay destroyed; their rows go, because the older schema knows no empty key."""
    op.execute("DROP TRIGGER carry_reach_to_privacy ON cases")
    for table in ("incident_versions", "incidents", "legal_holds", "erasures"):
        op.drop_table(table)
    for name in ("carry_reach_to_privacy", "ask_for_erasure", "destroy_subject", "keep_incident"):
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DELETE FROM subject_keys WHERE erased_at IS NOT NULL")
    op.drop_constraint(op.f("ck_subject_keys_erased_is_empty"), "subject_keys")
    op.drop_column("subject_keys", "erased_at")
