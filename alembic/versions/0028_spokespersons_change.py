"""A sponsor's spokesperson changes: the database keeps who it was, and the view of the household's case follows."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0028"
down_revision = "0027"

DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
REASONS = (
    "incomplete", "not_eligible", "withdrawn", "sponsor_death", "sponsor_moved", "group_below_two", "means", "conflict",
    "other",
)  # fmt: skip
# Whatever a statement says of the history, it is what it was and whoever spoke until now.
KEEP = f"""
CREATE FUNCTION keep_spokesperson() RETURNS trigger {DEFINER} AS $$
BEGIN
  NEW.former_spokespersons := OLD.former_spokespersons;
  IF NEW.spokesperson_id <> OLD.spokesperson_id THEN
    NEW.former_spokespersons := OLD.former_spokespersons || jsonb_build_array(jsonb_build_object(
      'user_id', OLD.spokesperson_id, 'until', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'reason', NEW.handover_reason));
  END IF;
  RETURN NEW;
END $$
"""
# The former one's view ends as the next one's begins, within the same outer limit.
PASS_ON = f"""
CREATE FUNCTION pass_on_sponsor_views() RETURNS trigger {DEFINER} AS $$
BEGIN
  WITH over AS (
    UPDATE case_grants g SET ended_at = now() FROM undertakings u
    WHERE u.sponsor_id = NEW.id AND g.source = 'undertaking' AND g.source_id = u.id AND g.ended_at IS NULL
      AND g.grantee_user_id = OLD.spokesperson_id
    RETURNING g.*
  )
  INSERT INTO case_grants (id, case_id, office_id, region_code, grantee_user_id, source, source_id, valid_from, valid_until)
  SELECT gen_random_uuid(), case_id, office_id, region_code, NEW.spokesperson_id, source, source_id, now(), valid_until
  FROM over WHERE valid_until > now();
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.add_column(
        "sponsors",
        sa.Column("former_spokespersons", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("sponsors", sa.Column("handover_reason", sa.Text(), nullable=True))
    named = ", ".join(f"'{reason}'" for reason in REASONS)
    op.create_check_constraint(
        op.f("ck_sponsors_handover_reason"), "sponsors", f"handover_reason IS NULL OR handover_reason IN ({named})"
    )
    op.create_check_constraint(
        op.f("ck_sponsors_handover_has_reason"),
        "sponsors",
        "(handover_reason IS NULL) = (former_spokespersons = '[]')",
    )
    for function in (KEEP, PASS_ON):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER keep_spokesperson BEFORE UPDATE ON sponsors FOR EACH ROW EXECUTE FUNCTION keep_spokesperson()"
    )
    op.execute(
        "CREATE TRIGGER pass_on_sponsor_views AFTER UPDATE OF spokesperson_id ON sponsors FOR EACH ROW"
        " WHEN (OLD.spokesperson_id <> NEW.spokesperson_id) EXECUTE FUNCTION pass_on_sponsor_views()"
    )


def downgrade() -> None:
    for name in ("pass_on_sponsor_views", "keep_spokesperson"):
        op.execute(f"DROP TRIGGER {name} ON sponsors")
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_column("sponsors", "handover_reason")
    op.drop_column("sponsors", "former_spokespersons")
