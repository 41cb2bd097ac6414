from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response

from casework.audit import trail
from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, OnceSession, Session, allow
from casework.authz.policy import Permission
from casework.kernel.openapi import described
from casework.kernel.problems import NotFound
from casework.sponsorship import settling
from casework.sponsorship.errors import (
    GroupTooSmall,
    HouseholdAlreadySponsored,
    HouseholdNotSponsored,
    ReportNotDue,
    SameSponsor,
)
from casework.sponsorship.models import SettlementReport
from casework.sponsorship.schemas import (
    HouseholdLink,
    HouseholdMove,
    SettlementReportCreate,
    SettlementReportRead,
    SettlementReports,
    UndertakingRead,
    UndertakingTransfer,
)
from casework.sponsorship.undertaking_routes import STEP, Decider, tagged

router = APIRouter(route_class=GuardedRoute, tags=["sponsorship"])


@router.post("/undertakings/{undertaking_id}/household", response_model=UndertakingRead,
             **described(Permission.undertaking_decide, HouseholdNotSponsored, HouseholdAlreadySponsored, *STEP))  # fmt: skip
async def link_household(
    response: Response,
    undertaking_id: UUID,
    body: HouseholdLink,
    caller: Decider,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Rattacher le ménage parrainé : un dossier comme un autre, que le porte-parole voit jusqu'à la fin de l'engagement.

    Link the sponsored household: a case like any other, which the spokesperson sees until the undertaking ends.
    """
    done = await settling.link_household(session, caller, undertaking_id, version, body.case_id)
    return await tagged(session, caller, done, response)


@router.post("/undertakings/{undertaking_id}/transfer", status_code=201, response_model=UndertakingRead,
             **described(Permission.undertaking_decide, SameSponsor, GroupTooSmall, *STEP))  # fmt: skip
async def transfer_undertaking(
    response: Response,
    undertaking_id: UUID,
    body: UndertakingTransfer,
    caller: Decider,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Transférer à un autre garant ce qui reste de l'engagement ; ce n'est ni une rupture ni un déménagement.

    Transfer what is left of the undertaking to another sponsor; neither a breakdown nor a move.
    """
    made = await settling.transfer(session, caller, undertaking_id, version, body)
    response.headers["Location"] = f"/v1/undertakings/{made.id}"
    return await tagged(session, caller, made, response)


@router.post("/undertakings/{undertaking_id}/moves", response_model=UndertakingRead,
             **described(Permission.undertaking_decide, *STEP))  # fmt: skip
async def record_household_move(
    response: Response,
    undertaking_id: UUID,
    body: HouseholdMove,
    caller: Decider,
    version: ExpectedVersion,
    session: OnceSession,
) -> dict[str, Any]:
    """Consigner que le ménage vit ailleurs : il est libre, l'engagement tient, rien ne change d'état.

    Record that the household lives elsewhere: it is free, the undertaking stands, no state changes.
    """
    done = await settling.move(session, caller, undertaking_id, version, body)
    return await tagged(session, caller, done, response)


@router.post("/cases/{case_id}/settlement-reports", status_code=201, response_model=SettlementReportRead,
             **described(Permission.settlement_report_record, NotFound, ReportNotDue))  # fmt: skip
async def receive_settlement_report(
    case_id: UUID,
    body: SettlementReportCreate,
    caller: Annotated[Caller, allow(Permission.settlement_report_record)],
    session: OnceSession,
) -> SettlementReport:
    """Remettre le premier ou le second rapport d'établissement : chaque obligation et où elle en est, en codes.

    Hand in the first or the second settlement report: each duty and how it stands, in codes.
    """
    return await settling.receive_report(session, caller, case_id, body)


@router.get("/cases/{case_id}/settlement-reports", response_model=SettlementReports,
            **described(Permission.settlement_report_read, NotFound))  # fmt: skip
async def list_settlement_reports(
    case_id: UUID, caller: Annotated[Caller, allow(Permission.settlement_report_read)], session: Session
) -> dict[str, Any]:
    """Les rapports reçus sur l'établissement d'un ménage.

    The reports received on a household's settlement.
    """
    found = await settling.reports(session, case_id)
    await trail.record_read(session, caller, Permission.settlement_report_read, [case_id])
    return {"items": found}
