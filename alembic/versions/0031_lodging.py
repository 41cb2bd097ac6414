"""Where households are lodged meanwhile, and a site that closes; cases that pass from office to office; saved worklists."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0031"
down_revision = "0030"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
INSTANT = sa.DateTime(timezone=True)
TODAY = "(now() AT TIME ZONE 'America/Toronto')::date"
BEDS = "CASE WHEN beds IS NULL THEN lodged = 0 AND promised = 0 ELSE lodged >= 0 AND promised >= 0 AND lodged + promised <= beds END"
# The CHECK on the site is the last word: whoever writes a stay, its beds are never passed.
COUNT_LODGED = f"""
CREATE FUNCTION count_lodged() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.ends_on IS NULL THEN
    UPDATE sites SET lodged = lodged + NEW.persons WHERE id = NEW.site_id AND closed_on IS NULL;
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'the site is closed', CONSTRAINT = 'site_is_open';
    END IF;
  ELSIF TG_OP = 'UPDATE' AND OLD.ends_on IS NULL AND NEW.ends_on IS NOT NULL THEN
    UPDATE sites SET lodged = lodged - OLD.persons WHERE id = OLD.site_id;
  END IF;
  RETURN NULL;
END $$
"""
# Beds promised to a household that waits for the day of the move are nobody else's meanwhile.
COUNT_PROMISED = f"""
CREATE FUNCTION count_promised() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.status = 'waiting' THEN
    UPDATE sites SET promised = promised + NEW.persons WHERE id = NEW.to_site_id;
  ELSIF TG_OP = 'UPDATE' AND OLD.status = 'waiting' AND NEW.status <> 'waiting' THEN
    UPDATE sites SET promised = promised - OLD.persons WHERE id = OLD.to_site_id;
  END IF;
  RETURN NULL;
END $$
"""
# A household that has arrived in a region lives there: its bed is free, and nobody has to remember it.
CARRY = f"""
CREATE FUNCTION carry_reach_to_lodgings() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE lodgings SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  UPDATE office_handover_cases SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  UPDATE site_closure_moves SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;
  IF OLD.region_code IS DISTINCT FROM NEW.region_code THEN
    UPDATE lodgings SET ends_on = greatest(starts_on, coalesce(NEW.arrived_on, {TODAY})), end_reason = 'regional_move',
      version = version + 1 WHERE case_id = NEW.id AND ends_on IS NULL;
  END IF;
  RETURN NULL;
END $$
"""

# The receiving office accepts what it does not see yet: every case moves in that transaction, or none does. What was
# proposed inside the old office has no answer any more.
SETTLE = f"""
CREATE FUNCTION settle_office_handover() RETURNS trigger {DEFINER} AS $$
BEGIN
  UPDATE office_handover_cases SET status = NEW.status, settled_at = NEW.answered_at
    WHERE office_handover_id = NEW.id AND status = 'proposed';
  IF NEW.status = 'accepted' THEN
    UPDATE handovers SET status = 'refused', answered_at = NEW.answered_at, version = version + 1 WHERE status = 'proposed'
      AND case_id IN (SELECT case_id FROM office_handover_cases WHERE office_handover_id = NEW.id);
    UPDATE cases SET office_id = NEW.office_id, caseworker_id = NULL, version = version + 1
      WHERE id IN (SELECT case_id FROM office_handover_cases WHERE office_handover_id = NEW.id);
  END IF;
  RETURN NULL;
END $$
"""
COUNT = """
CREATE FUNCTION count_of_office_handover(handover uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS
$$ SELECT count(*) FROM office_handover_cases WHERE office_handover_id = handover $$
"""


def upgrade() -> None:
    op.add_column("sites", sa.Column("beds", sa.Integer(), nullable=True))
    for column in ("lodged", "promised"):
        op.add_column("sites", sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
        op.alter_column("sites", column, server_default=None)
    op.create_check_constraint(op.f("ck_sites_beds"), "sites", BEDS)
    _closures()
    _lodgings()
    _moves()
    _office_handovers()
    _saved_worklists()
    for function in (COUNT_LODGED, COUNT_PROMISED, SETTLE, COUNT, CARRY):
        op.execute(function)
    for table in ("lodgings", "site_closure_moves", "office_handover_cases"):
        op.execute(f"CREATE TRIGGER z_follow_case AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION follow_case()")
    op.execute(
        "CREATE TRIGGER count_lodged AFTER INSERT OR UPDATE OF ends_on ON lodgings FOR EACH ROW"
        " EXECUTE FUNCTION count_lodged()"
    )
    op.execute(
        "CREATE TRIGGER count_promised AFTER INSERT OR UPDATE OF status ON site_closure_moves FOR EACH ROW"
        " WHEN (NEW.to_site_id IS NOT NULL) EXECUTE FUNCTION count_promised()"
    )
    op.execute(
        "CREATE TRIGGER settle_office_handover AFTER UPDATE OF status ON office_handovers FOR EACH ROW"
        " WHEN (OLD.status = 'proposed' AND NEW.status <> 'proposed') EXECUTE FUNCTION settle_office_handover()"
    )
    op.execute(
        "CREATE TRIGGER carry_reach_to_lodgings AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_to_lodgings()"
    )


def _closures() -> None:
    op.create_table(
        "site_closures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_site_closures_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_closures")),
        sa.UniqueConstraint("site_id", name=op.f("uq_site_closures_site_id")),
    )


def _of_case() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
    )


def _lodgings() -> None:
    op.create_table(
        "lodgings",
        *_of_case(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "end_reason IS NULL OR end_reason IN ('moved', 'left', 'site_closed', 'regional_move')",
            name=op.f("ck_lodgings_end_reason"),
        ),
        sa.CheckConstraint("(ends_on IS NULL) = (end_reason IS NULL)", name=op.f("ck_lodgings_end_is_whole")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_lodgings_period")),
        sa.CheckConstraint("persons > 0", name=op.f("ck_lodgings_persons")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_lodgings_case_id")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_lodgings_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lodgings")),
    )
    op.create_index(op.f("ix_lodgings_case_id"), "lodgings", ["case_id"])
    current = sa.text("ends_on IS NULL")
    op.create_index("uq_lodgings_current", "lodgings", ["case_id"], unique=True, postgresql_where=current)
    op.create_index("ix_lodgings_current_site", "lodgings", ["site_id"], postgresql_where=current)


def _moves() -> None:
    op.create_table(
        "site_closure_moves",
        *_of_case(),
        sa.Column("closure_id", sa.Uuid(), nullable=False),
        sa.Column("lodging_id", sa.Uuid(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("to_site_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("next_lodging_id", sa.Uuid(), nullable=True),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'moved', 'to_lodge', 'gone')", name=op.f("ck_site_closure_moves_status")
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (done_at IS NULL)", name=op.f("ck_site_closure_moves_done_has_time")
        ),
        sa.CheckConstraint(
            "(status = 'moved') = (next_lodging_id IS NOT NULL)", name=op.f("ck_site_closure_moves_moved_somewhere")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_site_closure_moves_case_id")),
        sa.ForeignKeyConstraint(["closure_id"], ["site_closures.id"], name=op.f("fk_site_closure_moves_closure_id")),
        sa.ForeignKeyConstraint(["lodging_id"], ["lodgings.id"], name=op.f("fk_site_closure_moves_lodging_id")),
        sa.ForeignKeyConstraint(
            ["next_lodging_id"], ["lodgings.id"], name=op.f("fk_site_closure_moves_next_lodging_id")
        ),
        sa.ForeignKeyConstraint(["to_site_id"], ["sites.id"], name=op.f("fk_site_closure_moves_to_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_closure_moves")),
        sa.UniqueConstraint("closure_id", "lodging_id", name=op.f("uq_site_closure_moves_closure_id_lodging_id")),
    )
    op.create_index(op.f("ix_site_closure_moves_case_id"), "site_closure_moves", ["case_id"])
    op.create_index(
        "ix_site_closure_moves_waiting", "site_closure_moves", ["id"], postgresql_where=sa.text("status = 'waiting'")
    )


STATUSES = "status IN ('proposed', 'accepted', 'refused')"


def _office_handovers() -> None:
    op.create_table(
        "office_handovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.CheckConstraint(STATUSES, name=op.f("ck_office_handovers_status")),
        sa.CheckConstraint(
            "(status = 'proposed') = (answered_at IS NULL) AND (status = 'proposed') = (answered_by IS NULL)",
            name=op.f("ck_office_handovers_answer_is_whole"),
        ),
        sa.CheckConstraint(
            "status <> 'accepted' OR answered_by <> proposed_by", name=op.f("ck_office_handovers_accepted_by_another")
        ),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_office_handovers_office_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office_handovers")),
    )
    op.create_index(op.f("ix_office_handovers_office_id"), "office_handovers", ["office_id"])
    table = "office_handover_cases"
    foreign = {"case_id": "cases", "office_handover_id": "office_handovers", "from_office_id": "offices",
               "to_office_id": "offices"}  # fmt: skip
    op.create_table(
        table,
        *_of_case(),
        sa.Column("office_handover_id", sa.Uuid(), nullable=False),
        sa.Column("from_office_id", sa.Uuid(), nullable=False),
        sa.Column("to_office_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.CheckConstraint(STATUSES, name=op.f(f"ck_{table}_status")),
        *(sa.ForeignKeyConstraint([one], [f"{to}.id"], name=op.f(f"fk_{table}_{one}")) for one, to in foreign.items()),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("office_handover_id", "case_id", name=op.f(f"uq_{table}_office_handover_id_case_id")),
    )
    op.create_index(op.f(f"ix_{table}_case_id"), table, ["case_id"])
    proposed = sa.text("status = 'proposed'")
    op.create_index(f"uq_{table}_proposed", table, ["case_id"], unique=True, postgresql_where=proposed)


def _saved_worklists() -> None:
    op.create_table(
        "saved_worklists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=True),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("num_nonnulls(office_id, region_code) <= 1", name=op.f("ck_saved_worklists_shared_once")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_worklists")),
        sa.UniqueConstraint("actor_id", "name", name=op.f("uq_saved_worklists_actor_id_name")),
    )
    for column in ("office_id", "region_code"):
        op.create_index(op.f(f"ix_saved_worklists_{column}"), "saved_worklists", [column])


def downgrade() -> None:
    op.execute("DROP TRIGGER carry_reach_to_lodgings ON cases")
    for table in (
        "saved_worklists",
        "office_handover_cases",
        "office_handovers",
        "site_closure_moves",
        "lodgings",
        "site_closures",
    ):
        op.drop_table(table)
    for function in ("carry_reach_to_lodgings", "count_promised", "count_lodged"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP FUNCTION settle_office_handover()")
    op.execute("DROP FUNCTION count_of_office_handover(uuid)")
    op.drop_constraint(op.f("ck_sites_beds"), "sites", type_="check")
    for column in ("promised", "lodged", "beds"):
        op.drop_column("sites", column)
