"""People as they are: what changed of them and when, who stands for a child alone, births and deaths."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0020"
down_revision = "0019"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
FOLLOWING = ("person_versions", "representatives")
CARRY = (
    f"CREATE FUNCTION carry_reach_of_people() RETURNS trigger {DEFINER} AS $$\nBEGIN\n"
    + "\n".join(
        f"  UPDATE {table} SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;"
        for table in FOLLOWING
    )
    + "\n  RETURN NULL;\nEND $$"
)
# After destroy_subject (0010): what this migration added of an erased person goes in the same act.
ERASED = f"""
CREATE FUNCTION erase_people_record() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE persons SET sealed_description = NULL, sealed_death = NULL, unaccompanied_minor = false
    WHERE id = NEW.person_id;
  DELETE FROM person_versions WHERE person_id = NEW.person_id;
  DELETE FROM representatives WHERE person_id = NEW.person_id;
  RETURN NULL;
END $$
"""
# Nobody lives in two households at once, in the past either. The person's row is the lock: two writers meet there.
# The unique index of today's membership speaks first; this one also knows the days.
ONE_HOUSEHOLD = f"""
CREATE FUNCTION one_household_at_a_time() RETURNS trigger {DEFINER} AS $$
BEGIN
  PERFORM FROM persons WHERE id = NEW.person_id FOR UPDATE;
  IF EXISTS (SELECT FROM memberships m WHERE m.person_id = NEW.person_id AND m.id <> NEW.id
    AND daterange(m.starts_on, m.ends_on) && daterange(NEW.starts_on, NEW.ends_on))
  THEN RAISE EXCEPTION 'in two households at once' USING ERRCODE = '23P01',
    CONSTRAINT = 'one_household_at_a_time'; END IF;
  RETURN NEW;
END $$
"""
# What is expected of somebody who left or died is no longer asked; who comes back is expected again. The hosts' view
# rests on the consents of today's adults, so it is looked at again when those change (0007).
MEMBERSHIP = f"""
CREATE FUNCTION follow_memberships() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE milestone_expectations e SET lapsed_at = CASE WHEN m.ends_on IS NULL THEN NULL ELSE now() END
  FROM changed m WHERE e.case_id = m.case_id AND e.person_id = m.person_id AND e.fulfilled_by IS NULL
    AND (e.lapsed_at IS NULL) = (m.ends_on IS NOT NULL)
    AND NOT EXISTS (SELECT FROM memberships later WHERE later.case_id = m.case_id AND later.person_id = m.person_id
      AND later.ends_on IS NULL AND m.ends_on IS NOT NULL);
  UPDATE case_grants g SET consent_until = consent_end(g.case_id,
    g.grantee_user_id IS NULL AND g.source IN ('offer', 'assignment'),
    g.grantee_region IS NULL AND g.source <> 'break_glass')
  WHERE g.ended_at IS NULL AND g.case_id IN (SELECT case_id FROM changed);
  RETURN NULL;
END $$
"""
FUNCTIONS = (CARRY, ERASED, ONE_HOUSEHOLD, MEMBERSHIP)
ENDINGS = "('deceased', 'left', 'split_off', 'joined_other', 'merged', 'relation_changed', 'error')"


def _bound(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f(f"fk_{table}_case_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f(f"fk_{table}_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    _persons()
    _memberships()
    op.add_column("identifiers", sa.Column("issued_on", sa.Date(), nullable=True))
    op.add_column("identifiers", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_identifiers_period"), "identifiers", "expires_on >= issued_on")
    op.add_column("milestone_expectations", sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True))
    _versions()
    _representatives()
    for function in FUNCTIONS:
        op.execute(function)
    op.execute(
        "CREATE TRIGGER carry_reach_of_people AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_of_people()"
    )
    for table in FOLLOWING:
        op.execute(f"CREATE TRIGGER z_follow_case AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION follow_case()")
    op.execute(
        "CREATE TRIGGER erase_people_record AFTER UPDATE OF status ON erasures FOR EACH ROW"
        " WHEN (NEW.status = 'done' AND OLD.status <> 'done') EXECUTE FUNCTION erase_people_record()"
    )
    op.execute(
        "CREATE TRIGGER one_household_at_a_time BEFORE INSERT OR UPDATE OF person_id, starts_on, ends_on ON memberships"
        " FOR EACH ROW EXECUTE FUNCTION one_household_at_a_time()"
    )
    for command in ("insert", "update"):
        op.execute(
            f"CREATE TRIGGER follow_memberships_{command} AFTER {command} ON memberships"
            " REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION follow_memberships()"
        )


def _persons() -> None:
    op.add_column("persons", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("persons", sa.Column("unaccompanied_minor", sa.Boolean(), nullable=False, server_default="false"))
    for column in ("version", "unaccompanied_minor"):
        op.alter_column("persons", column, server_default=None)
    op.add_column("persons", sa.Column("sealed_description", sa.LargeBinary(), nullable=True))
    op.add_column("persons", sa.Column("sealed_death", sa.LargeBinary(), nullable=True))
    op.add_column("persons", sa.Column("deceased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_persons_alone_is_a_child"), "persons", "NOT (unaccompanied_minor AND is_adult IS TRUE)"
    )
    op.create_check_constraint(
        op.f("ck_persons_death_has_time"), "persons", "sealed_death IS NULL OR deceased_at IS NOT NULL"
    )


def _memberships() -> None:
    op.add_column("memberships", sa.Column("end_reason", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_memberships_end_reason"), "memberships", f"end_reason IS NULL OR end_reason IN {ENDINGS}"
    )
    op.create_check_constraint(
        op.f("ck_memberships_reason_has_end"), "memberships", "end_reason IS NULL OR ends_on IS NOT NULL"
    )
    op.create_check_constraint(op.f("ck_memberships_period"), "memberships", "ends_on >= starts_on")
    op.create_index(op.f("ix_memberships_person_id"), "memberships", ["person_id"])


def _versions() -> None:
    op.create_table(
        "person_versions",
        *_bound("person_versions"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_birth", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_contact", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_description", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('correction', 'new_information', 'legal_change', 'chosen_name')",
            name=op.f("ck_person_versions_reason"),
        ),
        sa.UniqueConstraint("person_id", "version", name=op.f("uq_person_versions_person_id_version")),
    )
    op.create_index(op.f("ix_person_versions_case_id"), "person_versions", ["case_id"])


def _representatives() -> None:
    op.create_table(
        "representatives",
        *_bound("representatives"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sealed_representative", sa.LargeBinary(), nullable=False),
        sa.Column("appointed_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('designated_representative', 'tutor', 'youth_protection')",
            name=op.f("ck_representatives_kind"),
        ),
        sa.CheckConstraint("ended_on >= appointed_on", name=op.f("ck_representatives_period")),
    )
    op.create_index(op.f("ix_representatives_case_id"), "representatives", ["case_id"])
    op.create_index(
        "uq_representatives_current", "representatives", ["person_id", "kind"], unique=True,
        postgresql_where=sa.text("ended_on IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    for command in ("insert", "update"):
        op.execute(f"DROP TRIGGER follow_memberships_{command} ON memberships")
    op.execute("DROP TRIGGER one_household_at_a_time ON memberships")
    op.execute("DROP TRIGGER erase_people_record ON erasures")
    op.execute("DROP TRIGGER carry_reach_of_people ON cases")
    for name in ("follow_memberships", "one_household_at_a_time", "erase_people_record", "carry_reach_of_people"):
        op.execute(f"DROP FUNCTION {name}()")
    for table in reversed(FOLLOWING):
        op.drop_table(table)
    op.drop_column("milestone_expectations", "lapsed_at")
    op.drop_constraint(op.f("ck_identifiers_period"), "identifiers")
    for column in ("ended_at", "issued_on"):
        op.drop_column("identifiers", column)
    op.drop_index(op.f("ix_memberships_person_id"), table_name="memberships")
    for name in ("period", "reason_has_end", "end_reason"):
        op.drop_constraint(op.f(f"ck_memberships_{name}"), "memberships")
    op.drop_column("memberships", "end_reason")
    for name in ("death_has_time", "alone_is_a_child"):
        op.drop_constraint(op.f(f"ck_persons_{name}"), "persons")
    for column in ("deceased_at", "sealed_death", "sealed_description", "unaccompanied_minor", "version"):
        op.drop_column("persons", column)
