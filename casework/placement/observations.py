"""What an adult says of a recommendation, and the person who reviews it: never who made it or wrote it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.cases.service import household_key
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound, StaleVersion
from casework.kernel.single import single
from casework.placement.errors import ObservationReviewed, ObserverNotAdult, ReviewerNotAnother
from casework.placement.models import OBSERVATION_PLACE, REVIEW_PLACE, Observation
from casework.placement.recommendations import recommendation_to

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.sealing import SubjectKey
    from casework.placement.schemas import ObservationCreate, ObservationReview

ADULT = "SELECT is_adult FROM persons WHERE id = %s AND case_id = %s"


async def observe(
    session: Session, caller: Caller, recommendation_id: UUID, wanted: ObservationCreate
) -> dict[str, Any]:
    """Sealed under the household's key. Raises NotFound, SubjectErased or ObserverNotAdult."""
    about = await recommendation_to(session, recommendation_id)
    key = await household_key(session, about.case_id)
    person = await session.rows(ADULT, (wanted.person_id, about.case_id))
    if not person:
        raise NotFound
    await key_within_reach(session, wanted.person_id)
    if not person[0][0]:
        raise ObserverNotAdult
    row = new_id()
    said = Observation(
        id=row, case_id=about.case_id, office_id=about.office_id, region_code=about.region_code,
        recommendation_id=about.id, person_id=wanted.person_id, channel=wanted.channel, language=wanted.language,
        sealed_text=key.seal(OBSERVATION_PLACE, row, wanted.text), recorded_by=caller.actor_id,
    )  # fmt: skip
    session.add(said)
    await session.flush()
    trail.record(session, caller, "observation.recorded", _facts(said, key))
    return as_read(said, key)


async def review(
    session: Session, caller: Caller, observation_id: UUID, version: int, wanted: ObservationReview
) -> dict[str, Any]:
    """Once. Raises NotFound, SubjectErased, StaleVersion, ObservationReviewed or ReviewerNotAnother."""
    said = await single(session, select(Observation).where(col(Observation.id) == observation_id), lock=True)
    key = await household_key(session, said.case_id)
    about = await recommendation_to(session, said.recommendation_id)
    if said.reviewed_at is not None:
        raise ObservationReviewed
    if said.version != version:
        raise StaleVersion
    if caller.actor_id in {about.created_by, said.recorded_by}:
        raise ReviewerNotAnother
    said.reviewed_by, said.reviewed_at, said.outcome = caller.actor_id, clock.now(), wanted.outcome
    said.sealed_review = key.seal(REVIEW_PLACE, said.id, wanted.reason)
    said.version += 1
    await session.flush()
    trail.record(session, caller, "observation.reviewed", {**_facts(said, key), "outcome": str(wanted.outcome)})
    return as_read(said, key)


def _facts(said: Observation, key: SubjectKey) -> dict[str, str]:
    return {
        "observation": key.pseudonym("observation", said.id),
        "recommendation": key.pseudonym("recommendation", said.recommendation_id),
    }


def as_read(said: Observation, key: SubjectKey | None) -> dict[str, Any]:
    """`key` None: the household is erased, and its words with it."""
    words = {"text": (OBSERVATION_PLACE, said.sealed_text), "review": (REVIEW_PLACE, said.sealed_review)}
    opened = {
        name: key.open(place, said.id, sealed) if key and sealed else None for name, (place, sealed) in words.items()
    }
    return {**said.model_dump(exclude={"sealed_text", "sealed_review"}), **opened}
