"""Places taken and given back: each statement that touches the two counters of a capacity stands here, once.

Whoever ends a hold locks its capacity before it writes to the offer: a new hold does it in that order too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from casework.kernel import clock
from casework.kernel.problems import NotFound
from casework.placement.errors import AgreementEnded, AgreementFull, NotEnoughPlaces, OfferAlreadyOpen, RegionFull
from casework.territory.queries import PLACES_LEFT

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session

AGREED = "a.ended_at IS NULL AND %(on)s BETWEEN a.starts_on AND a.ends_on"
# One statement: the places are taken and the offer exists, or neither. The CHECK on the row is the last word.
HOLD = f"""
WITH taken AS (
  UPDATE capacities SET held = held + %(persons)s, version = version + 1
  WHERE id = %(capacity)s AND {PLACES_LEFT} >= %(persons)s AND starts_on <= %(on)s AND ends_on >= %(on)s
    AND EXISTS (SELECT 1 FROM agreements a WHERE a.id = agreement_id AND {AGREED})
  RETURNING id, organization_id, agreement_id, geo_code
)
INSERT INTO offers (id, version, created_at, case_id, office_id, region_code, recommendation_id, capacity_id,
  organization_id, agreement_id, geo_code, persons, status, sealed_reason, subject_ref, expires_at, created_by)
SELECT %(id)s, 1, %(now)s, %(case)s, %(office)s, %(region)s, %(recommendation)s, id, organization_id, agreement_id,
  geo_code, %(persons)s, 'held', %(reason)s, %(ref)s, %(expires)s, %(by)s FROM taken
RETURNING id
"""
LEFT = (
    f"SELECT {PLACES_LEFT}, EXISTS (SELECT 1 FROM agreements a WHERE a.id = agreement_id AND {AGREED})"
    " FROM capacities WHERE id = %(capacity)s"
)
RELEASE = "UPDATE capacities SET held = held - %(n)s, version = version + 1 WHERE id = %(id)s"
TAKE = "UPDATE capacities SET held = held - %(n)s, used = used + %(n)s, version = version + 1 WHERE id = %(id)s"
OCCUPY = f"""
UPDATE capacities SET used = used + %(persons)s, version = version + 1
WHERE id = %(capacity)s AND {PLACES_LEFT} >= %(persons)s AND starts_on <= %(on)s AND ends_on >= %(on)s RETURNING id
"""
CEILING = (
    "SELECT t.region_code, t.ceiling FROM regional_targets t JOIN capacities c ON c.region_code = t.region_code"
    " WHERE c.id = %(capacity)s AND t.ceiling IS NOT NULL AND %(on)s BETWEEN t.starts_on AND t.ends_on"
)
RECEIVED = (
    "SELECT coalesce(sum(held + used), 0) FROM capacities WHERE region_code = %(region)s AND resource = 'persons'"
    " AND %(on)s BETWEEN starts_on AND ends_on"
)
# What a capacity counts as taken: under one agreement, in any of its places.
FUNDED = (
    "SELECT a.id, a.volume FROM agreements a JOIN capacities c ON c.agreement_id = a.id"
    " WHERE c.id = %(capacity)s AND c.resource = 'persons'"
)
UNDER_AGREEMENT = (
    "SELECT coalesce(sum(held + used), 0) FROM capacities WHERE agreement_id = %(agreement)s AND resource = 'persons'"
)


async def hold(session: Session, parameters: dict[str, Any]) -> None:
    """Raises RegionFull, AgreementFull, AgreementEnded, NotEnoughPlaces, OfferAlreadyOpen or NotFound, and nothing is half-reserved."""
    await _refuse_full_region(session, parameters)
    await _refuse_full_agreement(session, parameters)
    try:
        taken = await session.rows(HOLD, parameters)
    except psycopg.errors.UniqueViolation as error:
        raise OfferAlreadyOpen from error
    if not taken:
        rows = await session.rows(LEFT, parameters)
        if not rows:
            raise NotFound
        if not rows[0][1]:
            raise AgreementEnded
        raise NotEnoughPlaces(places_left=max(0, rows[0][0]), places_needed=parameters["persons"])


async def _refuse_full_region(session: Session, parameters: dict[str, Any]) -> None:
    """A region's ceiling spans its places: those who offer there wait for each other, then count what is taken."""
    for region, ceiling in await session.rows(CEILING, parameters):
        await session.rows("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"ceiling/{region}",))
        [(received,)] = await session.rows(RECEIVED, {"region": region, "on": parameters["on"]})
        if received + parameters["persons"] > ceiling:
            left = max(0, ceiling - received)
            raise RegionFull(places_left=left, places_needed=parameters["persons"])


async def _refuse_full_agreement(session: Session, parameters: dict[str, Any]) -> None:
    """An agreement's volume spans its places, as a region's ceiling does: one lock, then the count."""
    for agreement, volume in await session.rows(FUNDED, parameters):
        await session.rows("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"volume/{agreement}",))
        [(taken,)] = await session.rows(UNDER_AGREEMENT, {"agreement": agreement})
        if taken + parameters["persons"] > volume:
            raise AgreementFull(places_left=max(0, volume - taken), places_needed=parameters["persons"])


async def occupy(session: Session, capacity_id: UUID, persons: int) -> None:
    """Places taken without an offer, by a household that passes from one host to another.

    Raises AgreementFull or NotEnoughPlaces.
    """
    wanted = {"capacity": capacity_id, "persons": persons, "on": clock.today()}
    await _refuse_full_agreement(session, wanted)
    if not await session.rows(OCCUPY, wanted):
        [(left, _)] = await session.rows(LEFT, wanted)
        raise NotEnoughPlaces(places_left=max(0, left), places_needed=persons)


async def release(session: Session, capacity_id: UUID, persons: int) -> None:
    """A hold that came to nothing: its places are free again."""
    await session.rows(RELEASE, {"n": persons, "id": capacity_id})


async def take(session: Session, capacity_id: UUID, persons: int) -> None:
    """A hold that became an assignment; the end of the assignment gives the places back, by a trigger."""
    await session.rows(TAKE, {"n": persons, "id": capacity_id})
