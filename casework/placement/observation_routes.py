from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.cases.address_notices import key_of
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, SubjectErased, VersionRequired
from casework.kernel.schemas import Page
from casework.placement import observations
from casework.placement.errors import ObservationReviewed, ObserverNotAdult, ReviewerNotAnother
from casework.placement.models import Observation
from casework.placement.recommendations import recommendation_to
from casework.placement.schemas import ObservationCreate, ObservationRead, ObservationReview

router = APIRouter(route_class=GuardedRoute, tags=["placement"])


@router.post("/recommendations/{recommendation_id}/observations", status_code=201, response_model=ObservationRead,
             **described(Permission.recommendation_create, NotFound, SubjectErased, ObserverNotAdult))  # fmt: skip
async def record_observation(
    recommendation_id: UUID,
    body: ObservationCreate,
    response: Response,
    caller: Annotated[Caller, allow(Permission.recommendation_create)],
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner les observations d'un adulte sur une recommandation (A-2.1, art. 65.2) ; une autre personne les examine.

    Record an adult's observations on a recommendation (A-2.1, s. 65.2); another person reviews them.
    """
    found = await observations.observe(session, caller, recommendation_id, body)
    response.headers["ETag"] = etag(found["version"], caller.role)
    return found


@router.get("/recommendations/{recommendation_id}/observations", response_model=Page[ObservationRead],
            **described(Permission.recommendation_read, NotFound))  # fmt: skip
async def list_observations(
    request: Request,
    recommendation_id: UUID,
    caller: Annotated[Caller, allow(Permission.recommendation_read)],
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les observations sur une recommandation et leur examen, de la plus récente à la plus ancienne.

    Observations on a recommendation and their review, newest first.
    """
    about = await recommendation_to(session, recommendation_id)
    key = await key_of(session, about.case_id)
    query = select(Observation).where(col(Observation.recommendation_id) == recommendation_id)
    page = await newest_first(request, session, Observation, query, f"observations:{recommendation_id}", limit, cursor)
    await trail.record_read(session, caller, Permission.recommendation_read, [about.case_id])
    return {**page, "items": [observations.as_read(one, key) for one in page["items"]]}


@router.post("/observations/{observation_id}/review", response_model=ObservationRead,
             **described(Permission.observation_review, NotFound, ObservationReviewed, ReviewerNotAnother,
                         SubjectErased, StaleVersion, VersionRequired))  # fmt: skip
async def review_observation(
    observation_id: UUID,
    body: ObservationReview,
    response: Response,
    caller: Annotated[Caller, allow(Permission.observation_review)],
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Examiner des observations : par une autre personne que l'auteur de la recommandation et qui les a consignées.

    Review observations: by a person other than the recommendation's author and whoever recorded them.
    """
    found = await observations.review(session, caller, observation_id, version, body)
    response.headers["ETag"] = etag(found["version"], caller.role)
    return found
