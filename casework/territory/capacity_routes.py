from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, MergePatch, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import Fault, MalformedRequest, NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import GeoCode, Page, RegionCode
from casework.kernel.single import single
from casework.territory import errors, queries, reviews, service
from casework.territory.models import Capacity, CapacityChange, CapacityReview, ReviewStatus
from casework.territory.schemas import (
    CapacityChangeRead,
    CapacityCreate,
    CapacityPatch,
    CapacityRead,
    CapacityReviewCreate,
    CapacityReviewRead,
    ResourceCode,
    ReviewSettle,
)

router = APIRouter(route_class=GuardedRoute, tags=["territory"])
Reader = Annotated[Caller, allow(Permission.capacity_read)]
Writer = Annotated[Caller, allow(Permission.capacity_write)]


@router.get("/capacities", response_model=Page[CapacityRead], **described(Permission.capacity_read))
async def list_capacities(
    request: Request,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    region: RegionCode | None = None,
    geo_code: GeoCode | None = None,
    organization_id: UUID | None = None,
    resource: ResourceCode | None = None,
    on: Annotated[date | None, Query(description="Celles qui valent ce jour-là. Those that hold that day.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les capacités d'accueil à ma portée : total, retenues, occupées, restantes.

    The reception capacities within my reach: total, held, used, left.
    """
    if resource is not None and not await queries.is_known(session, resource):
        raise MalformedRequest(errors=[Fault(errors.UNKNOWN_RESOURCE, "resource", parameter="resource")])
    query, asked = select(Capacity), (region, geo_code, organization_id, resource)
    for column, wanted in zip(("region_code", "geo_code", "organization_id", "resource"), asked, strict=True):
        if wanted is not None:
            query = query.where(col(getattr(Capacity, column)) == wanted)
    if on is not None:
        query = query.where(col(Capacity.starts_on) <= on, col(Capacity.ends_on) >= on)
    return await newest_first(request, session, Capacity, query, f"capacities:{asked}:{on}", limit, cursor)


@router.post("/capacities", status_code=201, response_model=CapacityRead,
             **described(Permission.capacity_write, NotFound, errors.CapacityAlreadyOpen))  # fmt: skip
async def open_capacity(
    response: Response,
    body: CapacityCreate,
    caller: Writer,
    session: OnceSession,
) -> Capacity:
    """Ouvrir des places sous une entente en vigueur.

    Open places under an agreement in force.
    """
    capacity = await service.open_capacity(session, caller, body)
    response.headers["ETag"] = etag(capacity.version, caller.role)
    return capacity


@router.get("/capacities/{capacity_id}", response_model=CapacityRead, **described(Permission.capacity_read, NotFound))
async def read_capacity(
    response: Response,
    capacity_id: UUID,
    caller: Reader,
    session: Session,
) -> Capacity:
    """Une capacité d'accueil.

    One reception capacity.
    """
    capacity = await single(session, select(Capacity).where(col(Capacity.id) == capacity_id))
    response.headers["ETag"] = etag(capacity.version, caller.role)
    return capacity


@router.patch("/capacities/{capacity_id}", response_model=CapacityRead,
              **described(Permission.capacity_write, NotFound, errors.CapacityBelowTaken,
                          errors.CapacityUnderReview, StaleVersion, VersionRequired))  # fmt: skip
async def change_capacity(
    response: Response,
    capacity_id: UUID,
    body: CapacityPatch,
    caller: Writer,
    _media: MergePatch,
    version: ExpectedVersion,
    session: Session,
) -> Capacity:
    """Changer le total, avec le motif ; jamais sous les places prises.

    Change the total, with the reason; never below the places taken.
    """
    capacity = await service.change_capacity(session, caller, capacity_id, version, body)
    response.headers["ETag"] = etag(capacity.version, caller.role)
    return capacity


@router.get("/capacities/{capacity_id}/changes", response_model=Page[CapacityChangeRead],
            **described(Permission.capacity_read, NotFound))  # fmt: skip
async def list_capacity_changes(
    request: Request,
    capacity_id: UUID,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """L'histoire d'une capacité : chaque total, avec le motif, qui et quand ; la plus récente d'abord.

    The history of a capacity: each total, with the reason, who and when; newest first.
    """
    await single(session, select(Capacity).where(col(Capacity.id) == capacity_id))
    query = select(CapacityChange).where(col(CapacityChange.capacity_id) == capacity_id)
    return await newest_first(request, session, CapacityChange, query, f"changes:{capacity_id}", limit, cursor)


@router.post("/capacities/{capacity_id}/reviews", status_code=201, response_model=CapacityReviewRead,
             **described(Permission.capacity_write, NotFound, errors.NothingToReview, errors.CapacityUnderReview,
                         StaleVersion, VersionRequired))  # fmt: skip
async def open_capacity_review(
    response: Response,
    capacity_id: UUID,
    body: CapacityReviewCreate,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> CapacityReview:
    """Déclarer perdues des places retenues ou occupées : rien n'est plus offert là, personne n'est déplacé en silence.

    Declare places lost that are held or used: nothing more is offered there, and nobody is bumped in silence.
    """
    review = await reviews.open_review(session, caller, capacity_id, version, body)
    response.headers["Location"] = f"/v1/capacity-reviews/{review.id}"
    response.headers["ETag"] = etag(review.version, caller.role)
    return review


@router.get("/capacity-reviews", response_model=Page[CapacityReviewRead], **described(Permission.capacity_read))
async def list_capacity_reviews(
    request: Request,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    status: ReviewStatus | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les révisions de capacité à ma portée, les plus récentes d'abord.

    The capacity reviews within my reach, newest first.
    """
    query = select(CapacityReview)
    if status is not None:
        query = query.where(col(CapacityReview.status) == status)
    return await newest_first(request, session, CapacityReview, query, f"reviews:{status}", limit, cursor)


@router.get("/capacity-reviews/{review_id}", response_model=CapacityReviewRead,
            **described(Permission.capacity_read, NotFound))  # fmt: skip
async def read_capacity_review(response: Response, review_id: UUID, caller: Reader, session: Session) -> CapacityReview:
    """Une révision de capacité ; les offres et affectations touchées se lisent par `capacity_id`.

    One capacity review; the offers and assignments concerned are read by `capacity_id`.
    """
    review = await single(session, select(CapacityReview).where(col(CapacityReview.id) == review_id))
    response.headers["ETag"] = etag(review.version, caller.role)
    return review


@router.post("/capacity-reviews/{review_id}/settle", response_model=CapacityReviewRead,
             **described(Permission.capacity_write, NotFound, errors.PlacesStillTaken, errors.ReviewAlreadySettled,
                         StaleVersion, VersionRequired))  # fmt: skip
async def settle_capacity_review(
    response: Response,
    review_id: UUID,
    body: ReviewSettle,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> CapacityReview:
    """Régler la révision : les ménages touchés ont un autre lieu (`shrunk`), ou les places sont retrouvées (`restored`).

    Settle the review: the households concerned have another place (`shrunk`), or the places are found (`restored`).
    """
    review = await reviews.settle_review(session, caller, review_id, version, body)
    response.headers["ETag"] = etag(review.version, caller.role)
    return review
