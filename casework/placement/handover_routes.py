from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response

from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, allow, etag
from casework.authz.policy import Permission
from casework.kernel.openapi import described
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.partners.errors import SuccessorNotInForce
from casework.partners.models import AgreementHandover
from casework.partners.schemas import AgreementHandoverRead
from casework.placement import errors, handovers, reading
from casework.placement.schemas import AssignmentRead, HandoverOfHousehold

router = APIRouter(route_class=GuardedRoute, prefix="/agreement-handovers", tags=["placement"])
Writer = Annotated[Caller, allow(Permission.assignment_hand_over)]
ACTED = (NotFound, errors.HandoverCompleted, StaleVersion, VersionRequired)


@router.post("/{agreement_handover_id}/assignments", status_code=201, response_model=AssignmentRead,
             response_model_exclude_unset=True,
             **described(Permission.assignment_hand_over, errors.NotOfThisHandover, SuccessorNotInForce,
                         errors.NotEnoughPlaces, errors.AgreementFull, *ACTED))  # fmt: skip
async def hand_over_household(
    response: Response,
    agreement_handover_id: UUID,
    body: HandoverOfHousehold,
    caller: Writer,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Confier un ménage à l'organisme successeur : l'ancienne affectation prend fin, son histoire reste.

    Entrust a household to the successor organization: the old assignment ends, its history stays.
    """
    done = await handovers.hand_over(session, caller, agreement_handover_id, version, body)
    response.headers["Location"] = f"/v1/assignments/{done.id}"
    response.headers["ETag"] = etag(done.version, caller.role)
    [read] = await reading.assignments_as_read(session, [done])
    return read


@router.post("/{agreement_handover_id}/complete", response_model=AgreementHandoverRead,
             **described(Permission.assignment_hand_over, errors.HouseholdsWait, *ACTED))  # fmt: skip
async def complete_handover(
    response: Response, agreement_handover_id: UUID, caller: Writer, version: ExpectedVersion, session: OnceSession
) -> AgreementHandover:
    """Clore une passation, quand aucun ménage n'attend plus.

    Complete a hand-over, once no household waits.
    """
    done = await handovers.complete(session, caller, agreement_handover_id, version)
    response.headers["ETag"] = etag(done.version, caller.role)
    return done
