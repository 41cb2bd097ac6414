"""Collective sponsorship: sponsors, their members, undertakings with their events, and the draw."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
REASONS = (
    "incomplete", "not_eligible", "withdrawn", "sponsor_death", "sponsor_moved", "group_below_two", "means", "conflict",
    "other",
)  # fmt: skip
STATES = (
    "draft", "submitted", "drawn", "not_drawn", "under_review", "accepted", "refused", "csq_issued", "arrived",
    "report1_due", "report2_due", "completed", "breakdown", "transferred", "cancelled",
)  # fmt: skip
# The pure lifecycle once more, for whatever statement asks (a test compares the two).
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
# A spokesperson submits and gives up; every other step is the ministry's, even against SQL injected into a session.
GUARD_UNDERTAKING = f"""
CREATE FUNCTION guard_undertaking() RETURNS trigger {DEFINER} AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state = 'draft' AND NEW.transferred_from_id IS NULL THEN RETURN NEW; END IF;
    IF NEW.transferred_from_id IS NOT NULL AND authz.claim('programme_manager', 3) IS NOT NULL THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'an undertaking begins as a draft' USING ERRCODE = '42501';
  END IF;
  IF OLD.state || ' ' || NEW.state NOT IN ({PAIRS})
  THEN RAISE EXCEPTION 'no such step of an undertaking' USING ERRCODE = '42501'; END IF;
  IF authz.claim('sponsor_spokesperson', 3) IS NOT NULL AND NEW.state NOT IN ('submitted', 'cancelled')
  THEN RAISE EXCEPTION 'a step of the ministry' USING ERRCODE = '42501'; END IF;
  RETURN NEW;
END $$
"""
# What was committed to stays; what was frozen or drawn is never written twice. Only the wrapping of the key may change.
GUARD_DRAW = f"""
CREATE FUNCTION guard_draw() RETURNS trigger {DEFINER} AS $$
DECLARE
  free text[] := ARRAY['kek_id', 'wrapped'];
BEGIN
  IF to_jsonb(NEW) - free = to_jsonb(OLD) - free THEN RETURN NEW; END IF;
  IF (OLD.status = 'committed' AND NEW.status = 'frozen' AND NEW.seed IS NULL)
    OR (OLD.status = 'frozen' AND NEW.status = 'drawn'
      AND (NEW.list_sha256, NEW.entries, NEW.frozen_at) IS NOT DISTINCT FROM (OLD.list_sha256, OLD.entries, OLD.frozen_at)
      AND encode(sha256(decode(NEW.seed, 'hex')), 'hex') = OLD.commitment)
  THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'a draw is committed, frozen and drawn once each' USING ERRCODE = '42501';
END $$
"""
GUARD_ENTRY = f"""
CREATE FUNCTION guard_draw_entry() RETURNS trigger {DEFINER} AS $$
DECLARE standing text;
BEGIN
  SELECT status INTO standing FROM draws WHERE id = NEW.draw_id;
  IF (TG_OP = 'INSERT' AND standing = 'committed' AND NEW.rank IS NULL)
    OR (TG_OP = 'UPDATE' AND standing = 'frozen' AND OLD.rank IS NULL)
  THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'a list is closed once and ranked once' USING ERRCODE = '42501';
END $$
"""
GUARDS = (
    ("undertakings", "guard_undertaking", "BEFORE INSERT OR UPDATE OF state", GUARD_UNDERTAKING),
    ("draws", "guard_draw", "BEFORE UPDATE", GUARD_DRAW),
    ("draw_entries", "guard_draw_entry", "BEFORE INSERT OR UPDATE", GUARD_ENTRY),
)
TABLES = ("draw_entries", "draws", "undertaking_events", "undertakings", "sponsor_members", "sponsors")


def _in(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def upgrade() -> None:
    for create in (_draws, _draw_entries, _sponsors, _sponsor_members, _undertakings, _undertaking_events):
        create()
    for table, name, when, function in GUARDS:
        op.execute(function)
        op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def _draws() -> None:
    op.create_table(
        "draws",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("reserve", sa.Integer(), nullable=False),
        sa.Column("cap_source", sa.String(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("commitment", sa.String(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=True),
        sa.Column("list_sha256", sa.String(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seed", sa.String(), nullable=True),
        sa.Column("result_sha256", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(status = 'committed') = (list_sha256 IS NULL) AND num_nulls(list_sha256, frozen_at, entries) IN (0, 3)",
            name=op.f("ck_draws_frozen_is_whole"),
        ),
        sa.CheckConstraint(
            "(status = 'drawn') = (seed IS NOT NULL) AND num_nulls(seed, drawn_at, result_sha256) IN (0, 3)",
            name=op.f("ck_draws_drawn_is_whole"),
        ),
        sa.CheckConstraint("commitment ~ '^[0-9a-f]{64}$'", name=op.f("ck_draws_commitment")),
        sa.CheckConstraint("pool IN ('groups', 'organizations')", name=op.f("ck_draws_pool")),
        sa.CheckConstraint("status IN ('committed', 'frozen', 'drawn')", name=op.f("ck_draws_status")),
        sa.CheckConstraint("cap >= 0 AND reserve BETWEEN 0 AND cap", name=op.f("ck_draws_places")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draws")),
        sa.UniqueConstraint("year", "pool", name=op.f("uq_draws_year_pool")),
    )


def _draw_entries() -> None:
    op.create_table(
        "draw_entries",
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("regional", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("drawn", sa.Boolean(), nullable=True),
        sa.CheckConstraint("(rank IS NULL) = (drawn IS NULL)", name=op.f("ck_draw_entries_rank_is_whole")),
        sa.ForeignKeyConstraint(["draw_id"], ["draws.id"], name=op.f("fk_draw_entries_draw_id")),
        sa.PrimaryKeyConstraint("draw_id", "entry_id", name=op.f("pk_draw_entries")),
    )


def _sponsors() -> None:
    op.create_table(
        "sponsors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("spokesperson_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(category = 'group') = (name IS NULL)", name=op.f("ck_sponsors_legal_person_has_name")),
        sa.CheckConstraint("category IN ('group', 'R', 'RS', 'E', 'ES')", name=op.f("ck_sponsors_category")),
        sa.ForeignKeyConstraint(["region_code"], ["admin_regions.code"], name=op.f("fk_sponsors_region_code")),
        sa.ForeignKeyConstraint(["spokesperson_id"], ["users.id"], name=op.f("fk_sponsors_spokesperson_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sponsors")),
        sa.UniqueConstraint("id", "spokesperson_id", name=op.f("uq_sponsors_id_spokesperson_id")),
    )
    op.create_index(op.f("ix_sponsors_spokesperson_id"), "sponsors", ["spokesperson_id"], unique=False)


def _sponsor_members() -> None:
    op.create_table(
        "sponsor_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sponsor_id", sa.Uuid(), nullable=False),
        sa.Column("spokesperson_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("joined_on", sa.Date(), nullable=False),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("leave_reason", sa.Text(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "leave_reason IS NULL OR leave_reason IN ('deceased', 'moved', 'withdrew')",
            name=op.f("ck_sponsor_members_leave_reason"),
        ),
        sa.CheckConstraint(
            "(erased_at IS NULL) = (length(wrapped) > 0)", name=op.f("ck_sponsor_members_erased_is_empty")
        ),
        sa.CheckConstraint(
            "(left_on IS NULL) = (leave_reason IS NULL)", name=op.f("ck_sponsor_members_leaving_has_reason")
        ),
        sa.CheckConstraint("left_on >= joined_on", name=op.f("ck_sponsor_members_period")),
        sa.ForeignKeyConstraint(
            ["sponsor_id", "spokesperson_id"],
            ["sponsors.id", "sponsors.spokesperson_id"],
            name=op.f("fk_sponsor_members_sponsor_id_spokesperson_id"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sponsor_members")),
    )
    op.create_index(op.f("ix_sponsor_members_sponsor_id"), "sponsor_members", ["sponsor_id"], unique=False)


def _undertakings() -> None:
    op.create_table(
        "undertakings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sponsor_id", sa.Uuid(), nullable=False),
        sa.Column("spokesperson_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("geo_code", sa.String(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("regional", sa.Boolean(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_on", sa.Date(), nullable=True),
        sa.Column("csq_issued_on", sa.Date(), nullable=True),
        sa.Column("household_case_id", sa.Uuid(), nullable=True),
        sa.Column("arrived_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("report1_due_on", sa.Date(), nullable=True),
        sa.Column("report1_received_on", sa.Date(), nullable=True),
        sa.Column("report2_due_on", sa.Date(), nullable=True),
        sa.Column("report2_received_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("transferred_from_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('refused', 'breakdown', 'transferred', 'cancelled')) = (end_reason IS NOT NULL)",
            name=op.f("ck_undertakings_end_has_reason"),
        ),
        sa.CheckConstraint("category IN ('group', 'R', 'RS', 'E', 'ES')", name=op.f("ck_undertakings_category")),
        sa.CheckConstraint(
            f"end_reason IS NULL OR {_in('end_reason', REASONS)}", name=op.f("ck_undertakings_end_reason")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled') OR num_nulls(submitted_at, entry_id, year) = 0",
            name=op.f("ck_undertakings_submitted_is_whole"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'cancelled') OR drawn_at IS NOT NULL",
            name=op.f("ck_undertakings_drawn_has_time"),
        ),
        sa.CheckConstraint(_in("state", STATES), name=op.f("ck_undertakings_state")),
        sa.CheckConstraint("(arrived_on IS NULL) = (ends_on IS NULL)", name=op.f("ck_undertakings_arrived_has_end")),
        sa.CheckConstraint(
            "(settled_on IS NULL) = (report1_due_on IS NULL)", name=op.f("ck_undertakings_settled_has_reports")
        ),
        sa.CheckConstraint(
            "arrived_on IS NULL OR household_case_id IS NOT NULL", name=op.f("ck_undertakings_arrived_has_household")
        ),
        sa.CheckConstraint("persons BETWEEN 1 AND 50", name=op.f("ck_undertakings_persons")),
        sa.CheckConstraint(
            "report2_received_on IS NULL OR report1_received_on IS NOT NULL",
            name=op.f("ck_undertakings_reports_in_order"),
        ),
        sa.ForeignKeyConstraint(["geo_code"], ["municipalities.geo_code"], name=op.f("fk_undertakings_geo_code")),
        sa.ForeignKeyConstraint(["household_case_id"], ["cases.id"], name=op.f("fk_undertakings_household_case_id")),
        sa.ForeignKeyConstraint(["region_code"], ["admin_regions.code"], name=op.f("fk_undertakings_region_code")),
        sa.ForeignKeyConstraint(
            ["sponsor_id", "spokesperson_id"],
            ["sponsors.id", "sponsors.spokesperson_id"],
            name=op.f("fk_undertakings_sponsor_id_spokesperson_id"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["transferred_from_id"], ["undertakings.id"], name=op.f("fk_undertakings_transferred_from_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undertakings")),
        sa.UniqueConstraint("id", "spokesperson_id", name=op.f("uq_undertakings_id_spokesperson_id")),
    )
    op.create_index("ix_undertakings_region_code_id", "undertakings", ["region_code", "id"], unique=False)
    op.create_index(op.f("ix_undertakings_spokesperson_id"), "undertakings", ["spokesperson_id"], unique=False)
    op.create_index(op.f("ix_undertakings_sponsor_id"), "undertakings", ["sponsor_id"], unique=False)
    op.create_index("ix_undertakings_year_category_state", "undertakings", ["year", "category", "state"], unique=False)
    op.create_index("uq_undertakings_entry_id", "undertakings", ["entry_id"], unique=True)
    op.create_index(
        "uq_undertakings_one_household",
        "undertakings",
        ["household_case_id"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('completed', 'breakdown', 'transferred', 'cancelled')"),
    )


def _undertaking_events() -> None:
    op.create_table(
        "undertaking_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("undertaking_id", sa.Uuid(), nullable=False),
        sa.Column("spokesperson_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("moved_to", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(f"reason IS NULL OR {_in('reason', REASONS)}", name=op.f("ck_undertaking_events_reason")),
        sa.CheckConstraint(f"state IS NULL OR {_in('state', STATES)}", name=op.f("ck_undertaking_events_state")),
        sa.CheckConstraint("num_nonnulls(state, moved_to) = 1", name=op.f("ck_undertaking_events_step_or_move")),
        sa.ForeignKeyConstraint(["moved_to"], ["municipalities.geo_code"], name=op.f("fk_undertaking_events_moved_to")),
        sa.ForeignKeyConstraint(
            ["undertaking_id", "spokesperson_id"],
            ["undertakings.id", "undertakings.spokesperson_id"],
            name=op.f("fk_undertaking_events_undertaking_id_spokesperson_id"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undertaking_events")),
    )
    op.create_index(
        op.f("ix_undertaking_events_undertaking_id"), "undertaking_events", ["undertaking_id"], unique=False
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    for _, name, _, _ in GUARDS:
        op.execute(f"DROP FUNCTION {name}()")
