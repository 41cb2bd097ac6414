"""Who can see a case and who saw it, as functions of PostgreSQL compiled from the table that row security comes from.

They look behind row security, because the one who asks sees neither everybody's roles nor the read log; so each
checks by itself, with the asker's signed claims, that the case is within the asker's reach. Ids only, no name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.authz.policy import POLICY, Permission, Reach, Role, SystemActor
from casework.authz.predicates import condition, grantee
from casework.authz.shields import SHIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from casework.authz.policy import Actor
    from casework.authz.predicates import Holder

CASES = next(shield for shield in SHIELDS if shield.table == "cases")
DEFINER = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
WHO_SEES, WHO_SAW = "authz.who_sees(uuid)", "authz.who_saw(uuid, uuid, int)"
GRANT = """jsonb_build_object('source', source, 'source_id', source_id, 'agreement_id', agreement_id,
  'consent_until', consent_until, 'until', least(valid_until, consent_until, (SELECT (a.ends_on + 1)::timestamp
    AT TIME ZONE 'America/Toronto' FROM agreements a WHERE a.id = agreement_id)))"""


def statements(asking: dict[Actor, Holder], roles: str) -> Iterator[str]:
    """`asking`: the signed claims of each actor that may ask; `roles`: their database roles."""
    reached = " OR ".join(
        f"({condition(CASES, POLICY[Permission.access_read][actor], claims)})" for actor, claims in asking.items()
    )
    within = (
        f"reached AS (SELECT id, office_id, region_code, caseworker_id FROM cases WHERE id = wanted AND ({reached}))"
    )
    yield f"DROP FUNCTION IF EXISTS {WHO_SEES}"
    yield f"""
CREATE FUNCTION authz.who_sees(wanted uuid) RETURNS TABLE (actor_id uuid, kind text, role text, reach text,
  office_id uuid, region_code text, organization_id uuid, role_until timestamptz, through jsonb)
{DEFINER} AS $$
WITH {within}
{" UNION ".join(_seers(role, reach) for role, reach in POLICY[Permission.case_read].items())}
$$"""
    yield f"DROP FUNCTION IF EXISTS {WHO_SAW}"
    yield f"""
CREATE FUNCTION authz.who_saw(wanted uuid, before uuid, lines int) RETURNS TABLE (id uuid, at timestamptz,
  actor_id uuid, role text, organization_id uuid, permission text, purpose text)
{DEFINER} AS $$
WITH {within}, found AS MATERIALIZED (
  SELECT r.* FROM read_entries r WHERE r.case_ids @> ARRAY[wanted] AND EXISTS (SELECT 1 FROM reached)
)
SELECT id, at, actor_id, role, organization_id, permission, purpose FROM found
WHERE before IS NULL OR id < before ORDER BY id DESC LIMIT lines
$$"""
    yield f"REVOKE ALL ON FUNCTION {WHO_SEES}, {WHO_SAW} FROM PUBLIC"
    yield f"GRANT EXECUTE ON FUNCTION {WHO_SEES}, {WHO_SAW} TO {roles}"


def _seers(role: Actor, reach: Reach) -> str:
    # In an emergency anybody reads, whatever their role, under the grant of the glass they broke.
    mine = "true" if role is SystemActor.emergency else f"holder.role = '{role}'"
    assert isinstance(role, Role) or mine == "true", "say here who acts through this hand: who_sees must name them"

    def holder(name: str) -> str:
        return f"holder.{name}"

    through = "NULL::jsonb"
    if reach in {Reach.region, Reach.granted, Reach.sponsored}:
        through = (
            f"(SELECT jsonb_agg({GRANT} ORDER BY case_grants.id) FROM case_grants"
            f" WHERE case_id = cases.id AND {grantee(reach, holder)})"
        )
    kind = "CASE WHEN holder.client_id IS NULL THEN 'user' ELSE 'api_client' END"
    return (
        f"SELECT holder.actor, {kind}, holder.role, '{reach}', holder.office, holder.region, holder.organization,"
        f" holder.until, {through}\nFROM authz.holders() AS holder CROSS JOIN reached AS cases"
        f" WHERE {mine} AND ({condition(CASES, reach, holder)})"
    )
