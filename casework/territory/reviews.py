"""Places lost under people who hold them (domain.md §7.10): a review is opened, a person settles it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.problems import StaleVersion
from casework.kernel.single import single
from casework.territory import errors, service
from casework.territory.models import CapacityReview, ReviewOutcome, ReviewStatus

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.territory.schemas import CapacityReviewCreate, ReviewSettle


async def open_review(
    session: Session, caller: Caller, capacity_id: UUID, version: int, told: CapacityReviewCreate
) -> CapacityReview:
    """From here on nothing more is offered there; what was promised stays promised until somebody has looked at it.

    Raises NotFound, StaleVersion, CapacityUnderReview or NothingToReview.
    """
    capacity = await service.capacity_to(session, capacity_id, version)
    if capacity.shrinks_to is not None:
        raise errors.CapacityUnderReview
    taken = capacity.held + capacity.used
    if told.total >= taken:
        raise errors.NothingToReview(taken=taken)
    capacity.shrinks_to, capacity.version = told.total, capacity.version + 1
    review = CapacityReview(
        capacity_id=capacity.id, region_code=capacity.region_code, organization_id=capacity.organization_id,
        wanted_total=told.total, taken=taken, reason=told.reason, opened_by=caller.actor_id,
    )  # fmt: skip
    session.add(review)
    await session.flush()
    trail.record(session, caller, "capacity_review.opened", _facts(review))
    return review


async def settle_review(
    session: Session, caller: Caller, review_id: UUID, version: int, told: ReviewSettle
) -> CapacityReview:
    """Raises NotFound, StaleVersion, ReviewAlreadySettled, or PlacesStillTaken while people hold lost places."""
    review = await single(session, select(CapacityReview).where(col(CapacityReview.id) == review_id), lock=True)
    if review.status is ReviewStatus.settled:
        raise errors.ReviewAlreadySettled
    if review.version != version:
        raise StaleVersion
    capacity = await service.capacity_to(session, review.capacity_id)
    taken, before = capacity.held + capacity.used, capacity.total
    if told.outcome is ReviewOutcome.shrunk:
        if taken > review.wanted_total:
            raise errors.PlacesStillTaken(taken=taken)
        capacity.total, capacity.change_reason = review.wanted_total, review.reason
    capacity.shrinks_to, capacity.version = None, capacity.version + 1
    if capacity.total != before:
        await service.write_change(session, caller, capacity, before, review.reason)
    review.status, review.outcome, review.note = ReviewStatus.settled, told.outcome, told.note
    review.settled_by, review.settled_at, review.version = caller.actor_id, clock.now(), review.version + 1
    await session.flush()
    trail.record(session, caller, "capacity_review.settled", _facts(review))
    return review


def _facts(review: CapacityReview) -> dict[str, object]:
    return {
        "review": str(review.id), "capacity": str(review.capacity_id), "total": review.wanted_total,
        "taken": review.taken, "outcome": review.outcome and str(review.outcome),
    }  # fmt: skip
