"""What an offer or an assignment lets its hosts see, for as long as its agreement runs."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.cases.models import CaseGrant
from casework.kernel import clock
from casework.partners.models import Agreement
from casework.placement.models import Assignment, Offer, OfferStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casework.kernel.database import Session

HOST_REGION = "SELECT region_code FROM capacities WHERE id = %s"


async def grant_to_hosts(session: Session, bound: Mapping[str, Any], reason: Offer | Assignment) -> None:
    """The host organization and its region see the case, for this reason and until it runs out.

    `bound`: the case's reach columns. An offer runs out when it expires, an assignment with its agreement's last day,
    and so does the offer of a transfer once every adult has accepted it.
    """
    if isinstance(reason, Offer):
        source = "offer"
        [(region,)] = await session.rows(HOST_REGION, (reason.capacity_id,))
    else:
        source, region = "assignment", reason.host_region_code
    if isinstance(reason, Offer) and reason.status is OfferStatus.held:
        until = reason.expires_at
    else:
        agreement = (await session.exec(select(Agreement).where(col(Agreement.id) == reason.agreement_id))).one()
        until = datetime.combine(agreement.ends_on + timedelta(days=1), time(), tzinfo=clock.QUEBEC)
    common = {
        **bound, "agreement_id": reason.agreement_id, "source": source, "source_id": reason.id, "valid_until": until,
    }  # fmt: skip
    session.add_all(
        [CaseGrant(**common, organization_id=reason.organization_id), CaseGrant(**common, grantee_region=region)]
    )
    await session.flush()
