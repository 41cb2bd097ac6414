from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlmodel import col, select

from casework.kernel import clock
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.records import VersionedRecord
from casework.pilots.models import Cohort, Enrolment, Measure, Pilot, PilotPartner, PilotRegion, PilotTarget

if TYPE_CHECKING:
    from uuid import UUID

    from casework.kernel.database import Session

V = TypeVar("V", bound=VersionedRecord)
# Enrolments go on side by side; whoever ends the pilot waits for them, and they for it.
WHILE_OPEN = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
WHEN_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
# How many of the household go, and how many of its adults have not said a yes to the pilot that still holds. The last
# word decides; an unknown age counts as an adult's; nobody there to say yes is a missing yes.
STANDING = """
SELECT count(*), greatest(count(*) FILTER (WHERE p.is_adult IS DISTINCT FROM false AND NOT coalesce(said.yes, false)),
  CASE WHEN count(*) FILTER (WHERE p.is_adult IS DISTINCT FROM false) = 0 THEN 1 ELSE 0 END)
FROM memberships m JOIN persons p ON p.id = m.person_id
LEFT JOIN LATERAL (
  SELECT k.given AND k.withdrawn_at IS NULL AND (k.expires_on IS NULL OR k.expires_on >= %(today)s) AS yes
  FROM consents k WHERE k.case_id = m.case_id AND k.person_id = p.id AND k.purpose = 'pilot'
  ORDER BY k.occurred_on DESC, k.recorded_at DESC, k.given LIMIT 1
) AS said ON true
WHERE m.case_id = %(case)s AND m.ends_on IS NULL
"""


async def pilot_to(session: Session, pilot_id: UUID, version: int | None = None, *, lock: bool = False) -> Pilot:
    """Raises NotFound or StaleVersion."""
    query = select(Pilot).where(col(Pilot.id) == pilot_id)
    found = (await session.exec(query.with_for_update() if lock else query)).first()
    return _current(found, version)


async def cohort_to(session: Session, cohort_id: UUID, version: int | None = None, *, lock: bool = False) -> Cohort:
    """Raises NotFound or StaleVersion."""
    query = select(Cohort).where(col(Cohort.id) == cohort_id)
    found = (await session.exec(query.with_for_update() if lock else query)).first()
    return _current(found, version)


async def enrolment_to(session: Session, enrolment_id: UUID, version: int | None = None) -> Enrolment:
    """Raises NotFound or StaleVersion."""
    query = select(Enrolment).where(col(Enrolment.id) == enrolment_id)
    return _current((await session.exec(query.execution_options(populate_existing=True))).first(), version)


def _current(found: V | None, version: int | None) -> V:
    if found is None:
        raise NotFound
    if version is not None and found.version != version:
        raise StaleVersion
    return found


async def standing(session: Session, case_id: UUID) -> tuple[int, int]:
    """(persons of the household, consents to the pilot that are missing)."""
    [(persons, missing)] = await session.rows(STANDING, {"case": case_id, "today": clock.today()})
    return persons, missing


async def pilot_as_read(session: Session, pilot: Pilot) -> dict[str, Any]:
    regions = select(PilotRegion).where(col(PilotRegion.pilot_id) == pilot.id).order_by(col(PilotRegion.region_code))
    partners = select(PilotPartner).where(col(PilotPartner.pilot_id) == pilot.id)
    revisions = list(
        (await session.exec(select(PilotTarget).where(col(PilotTarget.pilot_id) == pilot.id)
                            .order_by(col(PilotTarget.recorded_at), col(PilotTarget.id)))).all()
    )  # fmt: skip
    return {
        **pilot.model_dump(),
        "regions": [row.region_code for row in (await session.exec(regions)).all()],
        "partners": sorted(row.organization_id for row in (await session.exec(partners)).all()),
        "targets": in_force(revisions),
        "revisions": revisions,
    }


def in_force(revisions: list[PilotTarget]) -> list[PilotTarget]:
    """For each measure the target of the latest day that has come; of two for one day, the one recorded last."""
    today = clock.today()
    standing = sorted((one for one in revisions if one.valid_from <= today), key=lambda one: one.valid_from)
    latest = {one.measure: one for one in standing}
    return [latest[measure] for measure in Measure if measure in latest]
