from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.language import preferred
from casework.kernel.openapi import described
from casework.kernel.problems import NotFound
from casework.placement import recommendations
from casework.placement.errors import CaseAlreadyAssigned, CaseNotOpen, CaseNotPlaceable, OfferAlreadyOpen
from casework.placement.schemas import ExplanationRead, RecommendationRead

router = APIRouter(route_class=GuardedRoute, tags=["placement"])


@router.post("/cases/{case_id}/recommendations", status_code=201, response_model=RecommendationRead,
             **described(Permission.recommendation_create, NotFound, CaseNotOpen, CaseNotPlaceable,
                         OfferAlreadyOpen, CaseAlreadyAssigned))  # fmt: skip
async def recommend_places(
    request: Request,
    response: Response,
    case_id: UUID,
    caller: Annotated[Caller, allow(Permission.recommendation_create)],
    session: OnceSession,
) -> dict[str, Any]:
    """Classer les lieux d'accueil pour un dossier : raisons de chacun, et règle qui exclut chaque autre. Une personne décide.

    Rank the host places for a case: the reasons for each, and the rule that excludes each other one. A person decides.
    """
    language = preferred(request.headers.get("accept-language"))
    recommendation = await recommendations.recommend(session, caller, case_id, language)
    response.headers["Location"] = f"/v1/recommendations/{recommendation.id}"
    response.headers["ETag"] = etag(1, f"{caller.role}-{language}")
    return recommendations.shown(recommendation, language)


@router.get("/recommendations/{recommendation_id}", response_model=RecommendationRead,
            **described(Permission.recommendation_read, NotFound))  # fmt: skip
async def read_recommendation(
    request: Request,
    response: Response,
    recommendation_id: UUID,
    caller: Annotated[Caller, allow(Permission.recommendation_read)],
    session: Session,
) -> dict[str, Any]:
    """Une recommandation telle que montrée.

    A recommendation as it was shown.
    """
    language = preferred(request.headers.get("accept-language"))
    found = await recommendations.recommendation_to(session, recommendation_id)
    await trail.record_read(session, caller, Permission.recommendation_read, [found.case_id])
    response.headers["ETag"] = etag(1, f"{caller.role}-{language}")
    return recommendations.shown(found, language)


@router.get("/recommendations/{recommendation_id}/explanation", response_model=ExplanationRead,
            **described(Permission.recommendation_read, NotFound))  # fmt: skip
async def explain_recommendation(
    recommendation_id: UUID,
    caller: Annotated[Caller, allow(Permission.recommendation_read)],
    session: Session,
) -> dict[str, Any]:
    """L'explication (A-2.1, art. 65.2) : renseignements utilisés, facteurs, règles, et ce qui changerait la réponse.

    The explanation (A-2.1, s. 65.2): information used, factors, rules, and what would change the answer.
    """
    found = await recommendations.recommendation_to(session, recommendation_id)
    await trail.record_read(session, caller, Permission.recommendation_read, [found.case_id])
    return recommendations.explained(found)
