"""Identity: passwords, client secrets and keys, proposed grants, the security log."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0011"
down_revision = "0010"

INSTANT = sa.DateTime(timezone=True)
BEFORE = """
INSERT INTO client_secrets (id, client_id, organization_id, secret_hash, created_at, valid_until)
SELECT gen_random_uuid(), id, organization_id, secret_hash, created_at, valid_until FROM api_clients
"""
NEWEST = """
UPDATE api_clients c SET secret_hash = coalesce((
  SELECT s.secret_hash FROM client_secrets s WHERE s.client_id = c.id AND s.revoked_at IS NULL
  ORDER BY s.created_at DESC LIMIT 1), sha256(gen_random_uuid()::text::bytea))
"""

# Runs as whoever writes: row security lets them near the row, this says what they may make of it. The owner alone
# (migrations, the demo's world) is not asked.
GUARD = """
CREATE FUNCTION guard_grant() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  acting text := substr(current_user, 10);
  actor uuid;
BEGIN
  IF (SELECT relowner = quote_ident(current_user)::regrole FROM pg_class WHERE oid = TG_RELID) THEN RETURN NEW; END IF;
  actor := authz.claim(acting, 3)::uuid;
  IF TG_OP = 'INSERT' THEN
    -- Whoever proposes sees every grant, so this look sees them too.
    IF EXISTS (SELECT 1 FROM role_grants g WHERE g.user_id = NEW.user_id AND g.revoked_at IS NULL
      AND (g.valid_until IS NULL OR g.valid_until > now())
      AND (g.role = 'administrator') <> (NEW.role = 'administrator'))
    THEN RAISE EXCEPTION 'duties apart' USING ERRCODE = '42501'; END IF;
    IF NEW.approved_at IS NULL AND NEW.approved_by IS NULL AND NEW.revoked_at IS NULL AND (
      (acting = 'operator' AND NEW.proposed_by IS NULL)
      OR (acting <> 'operator' AND NEW.proposed_by = actor AND NEW.user_id <> actor)
    ) THEN RETURN NEW; END IF;
  ELSIF (NEW.approved_at, NEW.approved_by) IS NOT DISTINCT FROM (OLD.approved_at, OLD.approved_by) THEN
    RETURN NEW;
  ELSIF OLD.approved_at IS NULL AND OLD.revoked_at IS NULL AND NEW.approved_at IS NOT NULL
    AND NEW.approved_by = actor AND NEW.user_id <> actor AND NEW.proposed_by <> actor
    AND authz.may_vouch(NEW.role, NEW.organization_id, NEW.region_code, acting,
      authz.claim(acting, 7)::uuid, authz.claim(acting, 6))
  THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'grant refused' USING ERRCODE = '42501';
END $$
"""


def upgrade() -> None:
    _logs("'milestones', 'audit', 'security'", valid=True)
    op.add_column("users", sa.Column("issuer", sa.String(), nullable=True))
    op.add_column("users", sa.Column("subject", sa.String(), nullable=True))
    op.create_unique_constraint(op.f("uq_users_issuer_subject"), "users", ["issuer", "subject"])
    op.create_check_constraint(op.f("ck_users_external"), "users", "(issuer IS NULL) = (subject IS NULL)")
    for name in ("proposed_by", "approved_by"):
        op.add_column("role_grants", sa.Column(name, sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(f"fk_role_grants_{name}"), "role_grants", "users", [name], ["id"])
    op.add_column("role_grants", sa.Column("approved_at", INSTANT, nullable=True))
    op.execute(GUARD)
    op.execute(
        "CREATE TRIGGER guard_grant BEFORE INSERT OR UPDATE ON role_grants FOR EACH ROW EXECUTE FUNCTION guard_grant()"
    )
    _passwords()
    _clients()


def _logs(names: str, *, valid: bool) -> None:
    op.drop_constraint(op.f("ck_log_leaves_log"), "log_leaves", type_="check")
    # Leaves of the security log stay where they are on the way down: nothing ever leaves the log.
    op.create_check_constraint(
        op.f("ck_log_leaves_log"), "log_leaves", f"log IN ({names})", postgresql_not_valid=not valid
    )


def _passwords() -> None:
    op.create_table(
        "passwords",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("one_time", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("valid_until", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passwords_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passwords")),
    )
    op.create_index(op.f("ix_passwords_user_id"), "passwords", ["user_id"], unique=False)
    op.create_table(
        "sign_in_buckets",
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("free_at", INSTANT, nullable=False),
        sa.Column("succeeded_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_sign_in_buckets")),
    )


def _clients() -> None:
    networks = sa.Column("networks", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}")
    op.add_column("api_clients", networks)
    op.alter_column("api_clients", "networks", server_default=None)
    op.add_column("api_clients", sa.Column("jwks", postgresql.JSONB(), nullable=True))
    op.create_table(
        "client_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("valid_until", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["api_clients.id"], name=op.f("fk_client_secrets_client_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_client_secrets_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secrets")),
    )
    op.create_index(op.f("ix_client_secrets_client_id"), "client_secrets", ["client_id"], unique=False)
    op.execute(BEFORE)
    op.drop_column("api_clients", "secret_hash")
    # Never written; the security log says when a client signed in.
    op.drop_column("api_clients", "last_used_at")
    op.create_table(
        "used_assertions",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["api_clients.id"], name=op.f("fk_used_assertions_client_id")),
        sa.PrimaryKeyConstraint("client_id", "jti_hash", name=op.f("pk_used_assertions")),
    )
    op.create_index(op.f("ix_used_assertions_expires_at"), "used_assertions", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("used_assertions")
    op.add_column("api_clients", sa.Column("last_used_at", INSTANT, nullable=True))
    op.add_column("api_clients", sa.Column("secret_hash", sa.LargeBinary(), nullable=True))
    op.execute(NEWEST)
    op.alter_column("api_clients", "secret_hash", nullable=False)
    op.drop_table("client_secrets")
    op.drop_column("api_clients", "jwks")
    op.drop_column("api_clients", "networks")
    op.drop_table("sign_in_buckets")
    op.drop_table("passwords")
    op.execute("DROP TRIGGER guard_grant ON role_grants")
    op.execute("DROP FUNCTION guard_grant()")
    # The version below knows no proposals and would take one for a grant.
    op.execute(
        "UPDATE role_grants SET revoked_at = coalesce(revoked_at, now())"
        " WHERE proposed_by IS NOT NULL AND approved_at IS NULL"
    )
    for name in ("approved_at", "approved_by", "proposed_by"):
        op.drop_column("role_grants", name)
    op.drop_constraint(op.f("ck_users_external"), "users", type_="check")
    op.drop_constraint(op.f("uq_users_issuer_subject"), "users", type_="unique")
    op.drop_column("users", "subject")
    op.drop_column("users", "issuer")
    _logs("'milestones', 'audit'", valid=False)
