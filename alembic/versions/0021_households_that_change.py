"""Households that part and meet, links between cases, people recorded twice: every move in the database's own hand."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
# As whoever writes: row security decides what they see.
INVOKER = "LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp"
TABLES = ("case_links", "person_moves", "merges")
CARRY = (
    f"CREATE FUNCTION carry_reach_of_households() RETURNS trigger {DEFINER} AS $$\nBEGIN\n"
    + "\n".join(
        f"  UPDATE {table} SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;"
        for table in TABLES
    )
    + "\n  RETURN NULL;\nEND $$"
)
# The generated checks test the reach of the row's own case; the other end is tested here, under the writer's own row
# security: somebody out of reach is refused like somebody who does not exist, before a foreign key could tell.
OTHER_CASE = f"""
CREATE FUNCTION other_case_within_reach() RETURNS trigger {INVOKER} AS $$
BEGIN
  IF pg_trigger_depth() = 1 AND NOT EXISTS (SELECT FROM cases WHERE id = NEW.other_case_id)
  THEN RAISE EXCEPTION 'not within reach' USING ERRCODE = '42501'; END IF;
  RETURN NEW;
END $$
"""
PERSON = f"""
CREATE FUNCTION person_within_reach() RETURNS trigger {INVOKER} AS $$
DECLARE
  merging boolean := TG_TABLE_NAME = 'merges';
  someone uuid := CASE WHEN merging THEN to_jsonb(NEW) ->> 'duplicate_id' ELSE to_jsonb(NEW) ->> 'person_id' END;
BEGIN
  IF NOT EXISTS (SELECT FROM persons WHERE id = someone AND case_id = NEW.from_case_id)
    OR (merging AND NOT EXISTS (SELECT FROM persons WHERE id = NEW.person_id AND case_id = NEW.case_id))
  THEN RAISE EXCEPTION 'not within reach' USING ERRCODE = '42501'; END IF;
  RETURN NEW;
END $$
"""
# A link is told at both ends, and ends at both.
TWIN = f"""
CREATE FUNCTION twin_link() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO case_links (id, case_id, office_id, region_code, other_case_id, pair, kind, linked_by, linked_at)
    SELECT gen_random_uuid(), c.id, c.office_id, c.region_code, NEW.case_id, NEW.pair,
      CASE NEW.kind WHEN 'split_from' THEN 'split_into' ELSE NEW.kind END, NEW.linked_by, NEW.linked_at
    FROM cases c WHERE c.id = NEW.other_case_id;
  ELSE
    UPDATE case_links SET ended_at = NEW.ended_at WHERE pair = NEW.pair AND id <> NEW.id AND ended_at IS NULL;
  END IF;
  UPDATE cases SET version = version + 1 WHERE id = NEW.other_case_id;
  RETURN NULL;
END $$
"""
# What is sealed under a person's own key follows the person; what was recorded in a case stays there. Holds that stand
# on the case left stand on the new one too, so that no move escapes them.
MOVE = f"""
CREATE FUNCTION move_person(someone uuid, there uuid) RETURNS void {DEFINER} AS $$
DECLARE
  them uuid[] := ARRAY(SELECT id FROM persons WHERE id = someone OR merged_into = someone);
  here uuid := (SELECT case_id FROM persons WHERE id = someone FOR UPDATE);
  at_new record;
BEGIN
  SELECT id, office_id, region_code INTO at_new FROM cases WHERE id = there FOR UPDATE;
  IF here = there THEN RETURN; END IF;
  UPDATE persons SET case_id = at_new.id, office_id = at_new.office_id, region_code = at_new.region_code
    WHERE id = ANY (them);
  UPDATE subject_keys SET case_id = at_new.id, office_id = at_new.office_id, region_code = at_new.region_code
    WHERE subject_id = ANY (them);
{{tables}}
  UPDATE erasures SET case_id = at_new.id, office_id = at_new.office_id, region_code = at_new.region_code
    WHERE person_id = ANY (them) AND status = 'requested';
  INSERT INTO legal_holds (id, case_id, office_id, region_code, person_id, basis, reference, placed_by, placed_at)
  SELECT gen_random_uuid(), at_new.id, at_new.office_id, at_new.region_code, someone, h.basis, h.reference,
    h.placed_by, h.placed_at FROM legal_holds h
  WHERE h.case_id = here AND h.released_at IS NULL AND (h.person_id IS NULL OR h.person_id = someone)
    AND NOT EXISTS (SELECT FROM legal_holds k WHERE k.case_id = there AND k.released_at IS NULL
      AND (k.person_id IS NULL OR k.person_id = someone) AND k.reference = h.reference);
END $$
""".replace(
    "{tables}",
    "\n".join(
        f"  UPDATE {table} SET case_id = at_new.id, office_id = at_new.office_id, region_code = at_new.region_code"
        " WHERE person_id = ANY (them);"
        for table in ("identifiers", "name_tokens", "sealed_addresses", "person_versions", "representatives")
    ),
)
MOVED = f"""
CREATE FUNCTION carry_person() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF (SELECT case_id FROM persons WHERE id = NEW.person_id) IS DISTINCT FROM NEW.from_case_id
  THEN RAISE EXCEPTION 'the person is elsewhere' USING ERRCODE = '23514'; END IF;
  PERFORM move_person(NEW.person_id, NEW.case_id);
  RETURN NULL;
END $$
"""
# A merge is done, refused or undone by the passage of its row: no other road leads there, and undoing puts back what
# doing it changed, column for column.
MERGE = f"""
CREATE FUNCTION carry_out_merge() RETURNS trigger {DEFINER} AS $$
DECLARE
  decider text := coalesce(authz.claim('caseworker', 3), authz.claim('programme_manager', 3));
  was text := CASE TG_OP WHEN 'INSERT' THEN 'new' ELSE OLD.status END;
  gone uuid;
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN RETURN NEW; END IF;
  IF was = 'new' THEN NEW.across := (SELECT office_id FROM cases WHERE id = NEW.case_id) IS DISTINCT FROM
    (SELECT office_id FROM cases WHERE id = NEW.from_case_id); END IF;
  IF (was, NEW.status) NOT IN (('new', 'proposed'), ('new', 'done'), ('proposed', 'done'), ('proposed', 'refused'),
      ('done', 'undone'))
    OR (was = 'new' AND NEW.proposed_by::text IS DISTINCT FROM decider)
    OR (was = 'new' AND NEW.status = 'done' AND NEW.across)
    OR (was = 'proposed' AND (NEW.decided_by::text IS DISTINCT FROM decider OR NEW.decided_by = NEW.proposed_by))
    OR (was = 'done' AND NEW.undone_by::text IS DISTINCT FROM decider)
  THEN RAISE EXCEPTION 'a merge is decided by whom it may be' USING ERRCODE = '42501'; END IF;
  -- In one order, whoever asks first.
  PERFORM FROM persons WHERE id IN (NEW.person_id, NEW.duplicate_id) ORDER BY id FOR UPDATE;
  IF NEW.status = 'done' THEN
    IF EXISTS (SELECT FROM persons WHERE (id IN (NEW.person_id, NEW.duplicate_id) AND merged_into IS NOT NULL)
        OR merged_into = NEW.duplicate_id)
      OR EXISTS (SELECT FROM subject_keys WHERE subject_id IN (NEW.person_id, NEW.duplicate_id)
        AND erased_at IS NOT NULL)
      OR NOT EXISTS (SELECT FROM persons WHERE id = NEW.duplicate_id AND case_id = NEW.from_case_id)
    THEN RAISE EXCEPTION 'merged already, or erased' USING ERRCODE = '23514', CONSTRAINT = 'merge_stands'; END IF;
    SELECT id INTO gone FROM memberships WHERE person_id = NEW.duplicate_id AND ends_on IS NULL;
    NEW.membership_id := gone;
    UPDATE memberships SET end_reason = 'merged',
      ends_on = greatest(starts_on, (now() AT TIME ZONE 'America/Toronto')::date) WHERE id = gone;
    PERFORM move_person(NEW.duplicate_id, NEW.case_id);
    UPDATE persons SET merged_into = NEW.person_id WHERE id = NEW.duplicate_id;
  ELSIF NEW.status = 'undone' THEN
    UPDATE persons SET merged_into = NULL WHERE id = NEW.duplicate_id;
    PERFORM move_person(NEW.duplicate_id, NEW.from_case_id);
    UPDATE memberships SET ends_on = NULL, end_reason = NULL WHERE id = NEW.membership_id;
  ELSE
    RETURN NEW;
  END IF;
  UPDATE persons SET version = version + 1 WHERE id IN (NEW.person_id, NEW.duplicate_id);
  UPDATE cases SET version = version + 1 WHERE id IN (NEW.case_id, NEW.from_case_id);
  RETURN NEW;
END $$
"""
# One person, erased under every record they had. The reasons of their merges are sealed under the same keys.
ERASED = f"""
CREATE FUNCTION erase_merged() RETURNS trigger {DEFINER} AS $$
DECLARE
  them uuid[] := ARRAY(SELECT id FROM persons WHERE merged_into = NEW.person_id);
BEGIN
  UPDATE merges SET sealed_reason = '' WHERE person_id = NEW.person_id OR duplicate_id = NEW.person_id;
  DELETE FROM log_links WHERE leaf_id IN (SELECT leaf_id FROM log_openings WHERE subject_id = ANY (them));
  DELETE FROM log_openings WHERE subject_id = ANY (them);
  UPDATE subject_keys SET wrapped = '', erased_at = NEW.decided_at WHERE subject_id = ANY (them) AND erased_at IS NULL;
  UPDATE persons SET sealed_name = '', sealed_birth = NULL, sealed_contact = NULL, sealed_description = NULL,
    sealed_death = NULL, external_id = NULL, languages = '[]', is_adult = NULL, unaccompanied_minor = false
    WHERE id = ANY (them);
  DELETE FROM identifiers WHERE person_id = ANY (them);
  DELETE FROM name_tokens WHERE person_id = ANY (them);
  DELETE FROM sealed_addresses WHERE person_id = ANY (them);
  DELETE FROM person_versions WHERE person_id = ANY (them);
  DELETE FROM representatives WHERE person_id = ANY (them);
  DELETE FROM claim_statuses WHERE person_id = ANY (them);
  UPDATE milestones SET sealed_evidence = NULL, sealed_note = NULL, external_id = NULL,
    sealed_void_reason = CASE WHEN voided_at IS NULL THEN NULL ELSE ''::bytea END WHERE person_id = ANY (them);
  RETURN NEW;
END $$
"""
FUNCTIONS = (CARRY, OTHER_CASE, PERSON, TWIN, MOVE, MOVED, MERGE, ERASED)
NAMES = (
    "carry_reach_of_households()", "other_case_within_reach()", "person_within_reach()", "twin_link()",
    "move_person(uuid, uuid)", "carry_person()", "carry_out_merge()", "erase_merged()",
)  # fmt: skip
TRIGGERS = (
    ("cases", "carry_reach_of_households", "AFTER UPDATE OF office_id, region_code",
     " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"),
    ("case_links", "other_case_within_reach", "BEFORE INSERT", ""),
    ("case_links", "twin_link", "AFTER INSERT OR UPDATE OF ended_at", " WHEN (pg_trigger_depth() = 0)"),
    ("person_moves", "person_within_reach", "BEFORE INSERT", ""),
    ("person_moves", "carry_person", "AFTER INSERT", ""),
    ("merges", "a_person_within_reach", "BEFORE INSERT", ""),
    ("merges", "carry_out_merge", "BEFORE INSERT OR UPDATE OF status", ""),
    # Before `decide`, so that it finds whether anybody else is left of the household.
    ("erasures", "a_erase_merged", "BEFORE UPDATE OF status", " WHEN (NEW.status = 'done' AND OLD.status <> 'done')"),
)  # fmt: skip


def _bound(table: str, *more: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        *more,
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f(f"fk_{table}_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_case_id"), table, ["case_id"])


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _id(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def upgrade() -> None:
    op.add_column("persons", _id("merged_into", nullable=True))
    op.create_foreign_key(op.f("fk_persons_merged_into"), "persons", "persons", ["merged_into"], ["id"])
    op.create_index(
        op.f("ix_persons_merged_into"), "persons", ["merged_into"], postgresql_where=sa.text("merged_into IS NOT NULL")
    )
    op.create_check_constraint(op.f("ck_persons_merged_into_another"), "persons", "merged_into <> id")
    _links()
    _moves()
    _merges()
    for function in FUNCTIONS:
        op.execute(function)
    op.execute("REVOKE ALL ON FUNCTION move_person(uuid, uuid) FROM PUBLIC")
    for table, name, when, condition in TRIGGERS:
        function = name.removeprefix("a_")
        op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW{condition} EXECUTE FUNCTION {function}()")
    for table in TABLES:
        op.execute(f"CREATE TRIGGER z_follow_case AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION follow_case()")


def _links() -> None:
    _bound(
        "case_links",
        _id("other_case_id"), _id("pair"), sa.Column("kind", sa.Text(), nullable=False), _id("linked_by"),
        _at("linked_at"), _at("ended_at", nullable=True),
        sa.CheckConstraint("other_case_id <> case_id", name=op.f("ck_case_links_another_case")),
        sa.CheckConstraint(
            "kind IN ('keep_together', 'kin', 'split_from', 'split_into')", name=op.f("ck_case_links_kind")
        ),
        sa.ForeignKeyConstraint(["other_case_id"], ["cases.id"], name=op.f("fk_case_links_other_case_id")),
    )  # fmt: skip
    op.create_index(
        "uq_case_links_standing", "case_links", ["case_id", "other_case_id", "kind"], unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )  # fmt: skip
    op.create_index(op.f("ix_case_links_pair"), "case_links", ["pair"])


def _moves() -> None:
    _bound(
        "person_moves",
        _id("person_id"), _id("from_case_id"), sa.Column("reason", sa.Text(), nullable=False), _id("moved_by"),
        _at("moved_at"),
        sa.CheckConstraint(
            "reason IN ('separation', 'adult_child', 'safety', 'reunion', 'error', 'other')",
            name=op.f("ck_person_moves_reason"),
        ),
        sa.CheckConstraint("from_case_id <> case_id", name=op.f("ck_person_moves_another_case")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_person_moves_person_id")),
        sa.ForeignKeyConstraint(["from_case_id"], ["cases.id"], name=op.f("fk_person_moves_from_case_id")),
    )  # fmt: skip


def _merges() -> None:
    _bound(
        "merges",
        _id("person_id"), _id("duplicate_id"), _id("from_case_id"), sa.Column("status", sa.Text(), nullable=False),
        sa.Column("across", sa.Boolean(), nullable=False), sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        _id("proposed_by"), _at("created_at"), _id("decided_by", nullable=True), _at("decided_at", nullable=True),
        _id("undone_by", nullable=True), _at("undone_at", nullable=True), _id("membership_id", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('proposed', 'done', 'refused', 'undone')", name=op.f("ck_merges_status")),
        sa.CheckConstraint("duplicate_id <> person_id", name=op.f("ck_merges_two_records")),
        sa.CheckConstraint(
            "NOT across OR decided_by IS NULL OR decided_by <> proposed_by", name=op.f("ck_merges_four_eyes")
        ),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_merges_decision_is_whole")),
        sa.CheckConstraint("(undone_by IS NULL) = (undone_at IS NULL)", name=op.f("ck_merges_undoing_is_whole")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_merges_person_id")),
        sa.ForeignKeyConstraint(["duplicate_id"], ["persons.id"], name=op.f("fk_merges_duplicate_id")),
        sa.ForeignKeyConstraint(["from_case_id"], ["cases.id"], name=op.f("fk_merges_from_case_id")),
    )  # fmt: skip
    op.create_index(
        "uq_merges_standing", "merges", ["duplicate_id"], unique=True,
        postgresql_where=sa.text("status IN ('proposed', 'done')"),
    )  # fmt: skip
    op.create_index(op.f("ix_merges_person_id"), "merges", ["person_id"])


def downgrade() -> None:
    for table, name, *_ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in reversed(NAMES):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_constraint(op.f("ck_persons_merged_into_another"), "persons")
    op.drop_index(op.f("ix_persons_merged_into"), table_name="persons")
    op.drop_constraint(op.f("fk_persons_merged_into"), "persons", type_="foreignkey")
    op.drop_column("persons", "merged_into")
