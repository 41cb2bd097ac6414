"""The notices that people are given, who was given which, and the language that each is served in."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0019"
down_revision = "0018"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
TABLES = ("collection_notices", "service_languages")
CARRY = (
    f"CREATE FUNCTION carry_reach_of_languages() RETURNS trigger {DEFINER} AS $$\nBEGIN\n"
    + "\n".join(
        f"  UPDATE {table} SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;"
        for table in TABLES
    )
    + "\n  RETURN NULL;\nEND $$"
)
FORGET = f"""
CREATE FUNCTION forget_languages() RETURNS trigger {DEFINER} AS $$
BEGIN
  DELETE FROM service_languages WHERE person_id = NEW.person_id;
  RETURN NULL;
END $$
"""
CHECKS = (
    ("basis", "basis IS NULL OR basis IN ('health', 'public_safety', 'natural_justice', 'six_months', 'other')"),
    ("french_needs_no_basis", "(language = 'fr') = (basis IS NULL)"),
    ("period", "ends_on >= starts_on"),
    ("ends_some_day", "basis IS NULL OR basis NOT IN ('six_months', 'other') OR ends_on IS NOT NULL"),
    ("six_months", "basis IS NULL OR basis <> 'six_months' OR ends_on <= starts_on + interval '6 months'"),
)


def _table(name: str, *more: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *more,
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f(f"fk_{name}_case_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f(f"fk_{name}_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_case_id"), name, ["case_id"])
    op.create_index(op.f(f"ix_{name}_person_id"), name, ["person_id"])
    op.execute(f"CREATE TRIGGER z_follow_case AFTER INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION follow_case()")


def upgrade() -> None:
    op.create_table(
        "consent_notices",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("version", "kind", "language", "title", "text")),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("version", "kind", "language", name=op.f("pk_consent_notices")),
    )
    _table(
        "collection_notices",
        sa.Column("notice_version", sa.String(), nullable=False),
        sa.Column("notice_language", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
    )
    _table(
        "service_languages",
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_service_languages_{name}")) for name, rule in CHECKS),
    )
    op.execute(CARRY)
    op.execute(FORGET)
    op.execute(
        "CREATE TRIGGER carry_reach_of_languages AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_of_languages()"
    )
    op.execute(
        "CREATE TRIGGER forget_languages AFTER UPDATE OF status ON erasures FOR EACH ROW WHEN (NEW.status = 'done')"
        " EXECUTE FUNCTION forget_languages()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER forget_languages ON erasures")
    op.execute("DROP TRIGGER carry_reach_of_languages ON cases")
    for table in (*TABLES, "consent_notices"):
        op.drop_table(table)
    for function in ("forget_languages", "carry_reach_of_languages"):
        op.execute(f"DROP FUNCTION {function}()")
