"""Notes, dated needs and wishes, hand-overs with who was responsible when, changes of programme."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
TABLES = ("case_notes", "handovers", "case_responsibilities", "programme_changes")
PROGRAMMES = "('asylum', 'collective_sponsorship', 'protected_person')"
ANCHOR = "CASE programme WHEN 'collective_sponsorship' THEN claimed_on IS NULL ELSE undertaking_on IS NULL END"
ANCHOR_BEFORE = "(programme = 'asylum' AND undertaking_on IS NULL) OR (programme <> 'asylum' AND claimed_on IS NULL)"
CARRY = (
    f"CREATE FUNCTION carry_reach_of_following() RETURNS trigger {DEFINER} AS $$\nBEGIN\n"
    + "\n".join(
        f"  UPDATE {table} SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;"
        for table in TABLES
    )
    + "\n  RETURN NULL;\nEND $$"
)
FORGET = f"""
CREATE FUNCTION forget_notes() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE case_notes SET sealed_text = '' WHERE person_id = NEW.person_id
    OR (NEW.last_of_household AND case_id = NEW.case_id);
  UPDATE handovers SET sealed_reason = NULL, sealed_answer = NULL WHERE NEW.last_of_household AND case_id = NEW.case_id;
  RETURN NULL;
END $$
"""
# Whatever changes the caseworker of a case, who it was before stays on record.
TRACK = f"""
CREATE FUNCTION track_responsibility() RETURNS trigger {DEFINER} AS $$
DECLARE
  at timestamptz := CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE now() END;
BEGIN
  UPDATE case_responsibilities SET until_at = greatest(at, from_at) WHERE case_id = NEW.id AND until_at IS NULL;
  IF NEW.caseworker_id IS NOT NULL THEN
    INSERT INTO case_responsibilities (id, case_id, office_id, region_code, user_id, from_at)
    VALUES (gen_random_uuid(), NEW.id, NEW.office_id, NEW.region_code, NEW.caseworker_id, at);
  END IF;
  RETURN NULL;
END $$
"""


def _table(name: str, *more: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        *more,
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f(f"fk_{name}_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_case_id"), name, ["case_id"])
    op.execute(f"CREATE TRIGGER z_follow_case AFTER INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION follow_case()")


def upgrade() -> None:
    op.drop_constraint(op.f("ck_cases_programme"), "cases")
    op.create_check_constraint(op.f("ck_cases_programme"), "cases", f"programme IN {PROGRAMMES}")
    op.drop_constraint(op.f("ck_cases_anchor_of_programme"), "cases")
    op.create_check_constraint(op.f("ck_cases_anchor_of_programme"), "cases", ANCHOR)
    for table in ("needs", "preferences"):
        op.add_column(table, sa.Column("occurred_on", sa.Date(), nullable=True))
        op.add_column(table, sa.Column("recorded_by", sa.Uuid(), nullable=True))
        op.execute(f"UPDATE {table} SET occurred_on = recorded_on")
        op.alter_column(table, "occurred_on", nullable=False)
    _notes()
    _handovers()
    _history()
    for function in (CARRY, FORGET, TRACK):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER carry_reach_of_following AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_of_following()"
    )
    op.execute(
        "CREATE TRIGGER forget_notes AFTER UPDATE OF status ON erasures FOR EACH ROW WHEN (NEW.status = 'done')"
        " EXECUTE FUNCTION forget_notes()"
    )
    op.execute(
        "CREATE TRIGGER track_responsibility AFTER UPDATE OF caseworker_id ON cases FOR EACH ROW"
        " WHEN (OLD.caseworker_id IS DISTINCT FROM NEW.caseworker_id) EXECUTE FUNCTION track_responsibility()"
    )
    op.execute(
        "CREATE TRIGGER begin_responsibility AFTER INSERT ON cases FOR EACH ROW WHEN (NEW.caseworker_id IS NOT NULL)"
        " EXECUTE FUNCTION track_responsibility()"
    )
    op.execute(
        "INSERT INTO case_responsibilities (id, case_id, office_id, region_code, user_id, from_at)"
        " SELECT gen_random_uuid(), id, office_id, region_code, caseworker_id, created_at FROM cases"
        " WHERE caseworker_id IS NOT NULL"
    )


def _notes() -> None:
    _table(
        "case_notes",
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("visibility IN ('staff', 'shared')", name=op.f("ck_case_notes_visibility")),
        sa.CheckConstraint("organization_id IS NULL OR visibility = 'shared'", name=op.f("ck_case_notes_hosts_share")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_case_notes_person_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_case_notes_organization_id")),
    )
    op.create_index(op.f("ix_case_notes_person_id"), "case_notes", ["person_id"])


def _handovers() -> None:
    _table(
        "handovers",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_user_id", sa.Uuid(), nullable=True),
        sa.Column("to_user_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'accepted', 'refused')", name=op.f("ck_handovers_status")),
        sa.CheckConstraint("(status = 'proposed') = (answered_at IS NULL)", name=op.f("ck_handovers_answer_has_time")),
        sa.CheckConstraint("from_user_id <> to_user_id", name=op.f("ck_handovers_to_another")),
        sa.ForeignKeyConstraint(["from_user_id"], ["users.id"], name=op.f("fk_handovers_from_user_id")),
        sa.ForeignKeyConstraint(["to_user_id"], ["users.id"], name=op.f("fk_handovers_to_user_id")),
    )
    op.create_index(
        "uq_handovers_one_proposed",
        "handovers",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )


def _history() -> None:
    _table(
        "case_responsibilities",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("until_at >= from_at", name=op.f("ck_case_responsibilities_period")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_case_responsibilities_user_id")),
    )
    _table(
        "programme_changes",
        sa.Column("from_programme", sa.Text(), nullable=False),
        sa.Column("to_programme", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(f"from_programme IN {PROGRAMMES}", name=op.f("ck_programme_changes_from_programme")),
        sa.CheckConstraint(f"to_programme IN {PROGRAMMES}", name=op.f("ck_programme_changes_to_programme")),
        sa.CheckConstraint("from_programme <> to_programme", name=op.f("ck_programme_changes_to_another")),
    )


def downgrade() -> None:
    """A case of the newer programme goes back to the one it came from."""
    for trigger, table in (
        ("begin_responsibility", "cases"), ("track_responsibility", "cases"), ("carry_reach_of_following", "cases"),
        ("forget_notes", "erasures"),
    ):  # fmt: skip
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for table in TABLES:
        op.drop_table(table)
    for function in ("track_responsibility", "forget_notes", "carry_reach_of_following"):
        op.execute(f"DROP FUNCTION {function}()")
    for table in ("needs", "preferences"):
        op.drop_column(table, "recorded_by")
        op.drop_column(table, "occurred_on")
    op.execute("UPDATE cases SET programme = 'asylum' WHERE programme = 'protected_person'")
    op.drop_constraint(op.f("ck_cases_anchor_of_programme"), "cases")
    op.create_check_constraint(op.f("ck_cases_anchor_of_programme"), "cases", ANCHOR_BEFORE)
    op.drop_constraint(op.f("ck_cases_programme"), "cases")
    op.create_check_constraint(op.f("ck_cases_programme"), "cases", "programme IN ('asylum', 'collective_sponsorship')")
