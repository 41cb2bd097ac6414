"""Key rotation, blind indexes, sealed addresses, break-glass."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"

CHILDREN = ("name_tokens", "sealed_addresses", "glass_breaks")
# Beside carry_reach, which knows the tables of its own time.
CARRY = (
    "CREATE FUNCTION carry_reach_of_sealed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
    " SET search_path = pg_catalog, public, pg_temp AS $$\nBEGIN\n"
    "  UPDATE name_tokens SET office_id = NEW.office_id, region_code = NEW.region_code\n"
    "  WHERE person_id IN (SELECT id FROM persons WHERE case_id = NEW.id);\n"
    + "\n".join(
        f"  UPDATE {table} SET office_id = NEW.office_id, region_code = NEW.region_code WHERE case_id = NEW.id;"
        for table in ("sealed_addresses", "glass_breaks")
    )
    + "\n  RETURN NULL;\nEND $$"
)


def upgrade() -> None:
    op.add_column(
        "subject_keys", sa.Column("keyed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())
    )
    op.alter_column("subject_keys", "keyed_at", server_default=None)
    op.create_index("ix_subject_keys_kek_id", "subject_keys", ["kek_id", "subject_id"])
    op.add_column("identifiers", sa.Column("blind", sa.LargeBinary(), nullable=True))
    op.create_index("ix_identifiers_blind", "identifiers", ["blind"])
    op.create_table(
        "name_tokens",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "token", name=op.f("pk_name_tokens")),
    )
    op.create_index(
        "ix_name_tokens_reach", "name_tokens", ["token", "office_id", "region_code", "case_id", "person_id"]
    )
    op.create_table(
        "sealed_addresses",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sealed_addresses_case_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_sealed_addresses_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_sealed_addresses")),
    )
    op.create_index(op.f("ix_sealed_addresses_case_id"), "sealed_addresses", ["case_id"])
    _glass_breaks()
    op.execute(CARRY)
    op.execute(
        "CREATE TRIGGER carry_reach_of_sealed AFTER UPDATE OF office_id, region_code ON cases FOR EACH ROW"
        " WHEN (OLD.office_id IS DISTINCT FROM NEW.office_id OR OLD.region_code IS DISTINCT FROM NEW.region_code)"
        " EXECUTE FUNCTION carry_reach_of_sealed()"
    )
    for table in ("sealed_addresses", "glass_breaks"):
        op.execute(f"CREATE TRIGGER z_follow_case AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION follow_case()")


def _glass_breaks() -> None:
    op.create_table(
        "glass_breaks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("sealed_review", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "reason_code IN ('danger_to_life', 'medical_emergency', 'child_protection', 'threat_or_violence',"
            " 'caseworker_unreachable')",
            name=op.f("ck_glass_breaks_reason_code"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('justified', 'not_justified', 'referred')",
            name=op.f("ck_glass_breaks_outcome"),
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (reviewed_at IS NULL)", name=op.f("ck_glass_breaks_review_has_outcome")
        ),
        sa.CheckConstraint("reviewed_by <> user_id", name=op.f("ck_glass_breaks_reviewed_by_another")),
        sa.CheckConstraint("ends_at <= created_at + interval '60 minutes'", name=op.f("ck_glass_breaks_sixty_minutes")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_glass_breaks_case_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_glass_breaks_user_id")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["users.id"], name=op.f("fk_glass_breaks_reviewed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_glass_breaks")),
    )
    op.create_index(op.f("ix_glass_breaks_case_id"), "glass_breaks", ["case_id"])
    op.create_index(op.f("ix_glass_breaks_review_due_at"), "glass_breaks", ["review_due_at"])


def downgrade() -> None:
    op.execute("DROP TRIGGER carry_reach_of_sealed ON cases")
    op.execute("DROP FUNCTION carry_reach_of_sealed()")
    for table in reversed(CHILDREN):
        op.drop_table(table)
    op.drop_index("ix_identifiers_blind", table_name="identifiers")
    op.drop_column("identifiers", "blind")
    op.drop_index("ix_subject_keys_kek_id", table_name="subject_keys")
    op.drop_column("subject_keys", "keyed_at")
