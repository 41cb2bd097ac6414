from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from casework.audit import trail
from casework.audit.errors import NothingPublishedYet, SizeNotPublished
from casework.audit.schemas import Size
from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow
from casework.authz.policy import Permission
from casework.indicators import service
from casework.indicators.errors import LogTooLongHere
from casework.indicators.figures import By, Figure
from casework.indicators.schemas import IndicatorRead
from casework.kernel import clock
from casework.kernel.dates import CivilDate
from casework.kernel.openapi import described

router = APIRouter(route_class=GuardedRoute, prefix="/indicators", tags=["audit"])


@router.get("/{name}", response_model=IndicatorRead,
            **described(Permission.milestone_log_read, NothingPublishedYet, SizeNotPublished, LogTooLongHere))  # fmt: skip
async def read_indicator(
    name: Figure,
    caller: Annotated[Caller, allow(Permission.milestone_log_read)],
    session: Session,
    by: By = By.region,
    on: Annotated[
        CivilDate | None, Query(description="Échu à cette date ; aujourd'hui. Due by that day; today.")
    ] = None,
    size: Size | None = None,
) -> dict[str, Any]:
    """Un indicateur, par région, organisme, programme ou mois d'arrivée, petites cases masquées ; le même se calcule
    hors ligne sur un export : `casework indicators FICHIER`.

    An indicator, by region, organization, programme or month of arrival, small cells hidden; the same one is computed
    offline from an export: `casework indicators FILE`.
    """
    found = await service.indicator(session, name, by, on or clock.today(), size)
    await trail.record_read(session, caller, Permission.milestone_log_read, [])
    told = {"name": str(name), "by": str(by), "on": found["on"], "size": found["log_size"]}
    trail.record(session, caller, "indicator.read", told)
    return found
