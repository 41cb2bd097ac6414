"""A grant knows when the consents behind it stop holding: access ends with them (access.md §1)."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"

DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
# The last word of each adult on a purpose decides; an unknown age counts as an adult's, as in placement. `by_placement`:
# everybody must have said yes to the placement. `by_sharing`: nobody may have said no to sharing with partners.
# A no, or no answer where one is needed, ends now; an expiry is the end of that day in Québec; null is no end.
CONSENT_END = f"""
CREATE FUNCTION consent_end(wanted uuid, by_placement boolean, by_sharing boolean) RETURNS timestamptz
LANGUAGE sql STABLE {DEFINER} AS $$
  SELECT nullif(coalesce(min(CASE needed.purpose WHEN 'placement' THEN coalesce(said.until, now())
      ELSE coalesce(said.until, 'infinity') END), CASE WHEN by_placement THEN now() ELSE 'infinity' END), 'infinity')
  FROM memberships m JOIN persons p ON p.id = m.person_id AND p.is_adult IS DISTINCT FROM false
  JOIN (VALUES ('placement', by_placement), ('partner_sharing', by_sharing)) AS needed (purpose, counts) ON needed.counts
  LEFT JOIN LATERAL (
    SELECT CASE WHEN k.given AND k.withdrawn_at IS NULL
      THEN coalesce((k.expires_on + 1)::timestamp AT TIME ZONE 'America/Toronto', 'infinity') ELSE now() END AS until
    FROM consents k WHERE k.case_id = wanted AND k.person_id = p.id AND k.purpose = needed.purpose
    ORDER BY k.occurred_on DESC, k.recorded_at DESC, k.given LIMIT 1
  ) AS said ON true
  WHERE m.case_id = wanted AND m.ends_on IS NULL
$$
"""
# What a grant rests on: a host placed with (organization, region) on the placement; whoever is no public servant
# (organization, spokesperson) on the sharing. An emergency (access.md §3) asks nobody.
ENDS = (
    "consent_end({g}.case_id, {g}.grantee_user_id IS NULL AND {g}.source IN ('offer', 'assignment'),"
    " {g}.grantee_region IS NULL AND {g}.source <> 'break_glass')"
)
GRANTED = f"""
CREATE FUNCTION rest_on_consents() RETURNS trigger LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
  NEW.consent_until := {ENDS.format(g="NEW")};
  RETURN NEW;
END $$
"""
HEARD = f"""
CREATE FUNCTION follow_consents() RETURNS trigger LANGUAGE plpgsql {DEFINER} AS $$
BEGIN
  UPDATE case_grants g SET consent_until = {ENDS.format(g="g")}
  WHERE g.ended_at IS NULL AND g.case_id IN (SELECT case_id FROM heard);
  RETURN NULL;
END $$
"""


# The wall reads the column. Without policies nobody reaches a row, until `casework migrate` raises the wall again.
WALL_DOWN = """
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public'
    AND policyname <> 'owner_maintenance' LOOP
    EXECUTE format('DROP POLICY %I ON public.%I', found.policyname, found.tablename);
  END LOOP;
END $$
"""


def upgrade() -> None:
    op.add_column("case_grants", sa.Column("consent_until", sa.DateTime(timezone=True), nullable=True))
    for function in (CONSENT_END, GRANTED, HEARD):
        op.execute(function)
    # It looks behind row security: nobody but the triggers asks it.
    op.execute("REVOKE ALL ON FUNCTION consent_end(uuid, boolean, boolean) FROM PUBLIC")
    op.execute(f"UPDATE case_grants g SET consent_until = {ENDS.format(g='g')} WHERE g.ended_at IS NULL")
    op.execute(
        "CREATE TRIGGER rest_on_consents BEFORE INSERT ON case_grants FOR EACH ROW EXECUTE FUNCTION rest_on_consents()"
    )
    op.execute(
        "CREATE TRIGGER follow_consents AFTER INSERT ON consents REFERENCING NEW TABLE AS heard"
        " FOR EACH STATEMENT EXECUTE FUNCTION follow_consents()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER follow_consents ON consents")
    op.execute("DROP TRIGGER rest_on_consents ON case_grants")
    op.execute("DROP FUNCTION follow_consents()")
    op.execute("DROP FUNCTION rest_on_consents()")
    op.execute("DROP FUNCTION consent_end(uuid, boolean, boolean)")
    op.execute(WALL_DOWN)
    op.drop_column("case_grants", "consent_until")
