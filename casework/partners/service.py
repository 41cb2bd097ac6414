"""Organizations, their sites, and the agreements under which they receive people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.kernel import clock
from casework.kernel.problems import NotFound
from casework.kernel.single import single
from casework.partners import errors
from casework.partners.models import Agreement, AgreementChange, AgreementHandover, Organization, Site
from casework.territory import queries as territory

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.partners.schemas import (
        AgreementCreate,
        AgreementEnd,
        AgreementPatch,
        OrganizationCreate,
        OrganizationPatch,
        SiteCreate,
    )

OUTSIDE = "SELECT 1 FROM capacities WHERE agreement_id = %s AND ends_on > %s LIMIT 1"
TERMS = ("funding", "edition", "stream", "programmes", "region_code", "volume", "starts_on", "ends_on")


async def create_organization(session: Session, caller: Caller, wanted: OrganizationCreate) -> Organization:
    organization = Organization(**_plain(wanted.model_dump()))
    session.add(organization)
    await session.flush()
    trail.record(session, caller, "organization.created", {"organization": str(organization.id)})
    return organization


async def change_organization(
    session: Session, caller: Caller, organization_id: UUID, version: int, patch: OrganizationPatch
) -> Organization:
    organization = await organization_to(session, organization_id, version, lock=True)
    changed = {name: value for name, value in patch.model_dump().items() if value is not None}
    for name, value in changed.items():
        setattr(organization, name, value)
    organization.version += 1
    await session.flush()
    facts = {"organization": str(organization.id), "fields": sorted(changed)}
    trail.record(session, caller, "organization.changed", facts)
    return organization


async def open_site(session: Session, caller: Caller, organization_id: UUID, wanted: SiteCreate) -> Site:
    """Raises NotFound: an organization out of reach, a municipality that nobody knows."""
    # Locked as for a change: an organization that the caller may read and not write is out of reach here.
    organization = await organization_to(session, organization_id, lock=True)
    region = await territory.region_on(session, wanted.geo_code, wanted.opened_on)
    if region is None:
        raise NotFound
    site = Site(**wanted.model_dump(), organization_id=organization.id, region_code=region)
    session.add(site)
    await session.flush()
    trail.record(session, caller, "site.opened", {"site": str(site.id), "organization": str(organization.id)})
    return site


async def close_site(session: Session, caller: Caller, site_id: UUID, version: int, closed_on: date) -> Site:
    """Raises NotFound, StaleVersion, SiteAlreadyClosed, SiteStillLodges or InvalidContent."""
    site = await single(session, select(Site).where(col(Site.id) == site_id), version, lock=True)
    if site.closed_on is not None:
        raise errors.SiteAlreadyClosed
    if closed_on < site.opened_on:
        raise errors.period_reversed("/closed_on")
    if site.lodged + site.promised > 0:
        raise errors.SiteStillLodges(persons=site.lodged + site.promised)
    site.closed_on, site.version = closed_on, site.version + 1
    await session.flush()
    trail.record(session, caller, "site.closed", {"site": str(site.id)})
    return site


async def make_agreement(session: Session, caller: Caller, wanted: AgreementCreate) -> Agreement:
    """Raises NotFound or InvalidContent."""
    if wanted.ends_on < wanted.starts_on:
        raise errors.period_reversed()
    await organization_to(session, wanted.organization_id)
    agreement = Agreement(**_plain(wanted.model_dump(exclude={"reason"})))
    session.add(agreement)
    await _written(session, caller, agreement, "made", wanted.reason)
    return agreement


async def amend_agreement(
    session: Session, caller: Caller, agreement_id: UUID, version: int, patch: AgreementPatch
) -> Agreement:
    """Raises NotFound, StaleVersion, AgreementAlreadyEnded, PlacesOutsideTerms or InvalidContent."""
    agreement = await _standing(session, agreement_id, version)
    terms = _plain(patch.model_dump(exclude={"reason"}, exclude_none=True))
    if patch.ends_on is not None:
        if patch.ends_on < agreement.starts_on:
            raise errors.period_reversed()
        if await session.rows(OUTSIDE, (agreement_id, patch.ends_on)):
            raise errors.PlacesOutsideTerms
    for name, value in terms.items():
        setattr(agreement, name, value)
    agreement.version += 1
    await _written(session, caller, agreement, "amended", patch.reason)
    return agreement


async def end_agreement(
    session: Session, caller: Caller, agreement_id: UUID, version: int, told: AgreementEnd
) -> AgreementHandover:
    """Row security stops every view under it at this commit; the hand-over of its households begins.

    Raises NotFound, StaleVersion, AgreementAlreadyEnded or SuccessorNotInForce.
    """
    agreement = await _standing(session, agreement_id, version)
    if told.successor_id is not None:
        await _refuse_successor(session, agreement, told.successor_id)
    agreement.ended_at, agreement.version = clock.now(), agreement.version + 1
    await _written(session, caller, agreement, "ended", told.reason)
    handover = AgreementHandover(
        agreement_id=agreement.id, organization_id=agreement.organization_id, region_code=agreement.region_code,
        successor_id=told.successor_id, opened_by=caller.actor_id,
    )  # fmt: skip
    session.add(handover)
    await session.flush()
    facts = {"handover": str(handover.id), "agreement": str(agreement.id), "successor": _text(told.successor_id)}
    trail.record(session, caller, "agreement_handover.opened", facts)
    return handover


async def organization_to(
    session: Session, organization_id: UUID, version: int | None = None, *, lock: bool = False
) -> Organization:
    """Raises NotFound or StaleVersion."""
    query = select(Organization).where(col(Organization.id) == organization_id)
    return await single(session, query, version, lock=lock)


async def agreement_to(
    session: Session, agreement_id: UUID, version: int | None = None, *, lock: bool = False
) -> Agreement:
    """Raises NotFound or StaleVersion."""
    return await single(session, select(Agreement).where(col(Agreement.id) == agreement_id), version, lock=lock)


def in_force(agreement: Agreement) -> bool:
    """Today, in Québec."""
    return agreement.ended_at is None and agreement.starts_on <= clock.today() <= agreement.ends_on


async def _standing(session: Session, agreement_id: UUID, version: int) -> Agreement:
    agreement = await agreement_to(session, agreement_id, lock=True)
    if agreement.ended_at is not None:
        raise errors.AgreementAlreadyEnded
    return await agreement_to(session, agreement_id, version)


async def _refuse_successor(session: Session, agreement: Agreement, successor_id: UUID) -> None:
    successor = await agreement_to(session, successor_id)
    if successor.id == agreement.id or not in_force(successor) or successor.region_code != agreement.region_code:
        raise errors.SuccessorNotInForce


async def _written(session: Session, caller: Caller, agreement: Agreement, act: str, reason: str) -> None:
    """The terms as they now stand, in the history; free text stays out of the log."""
    await session.flush()
    terms = {name: _text(getattr(agreement, name)) for name in TERMS}
    change = AgreementChange(
        agreement_id=agreement.id, organization_id=agreement.organization_id, act=act, terms=terms, reason=reason,
        changed_by=caller.actor_id,
    )  # fmt: skip
    session.add(change)
    await session.flush()
    trail.record(session, caller, f"agreement.{act}", {"agreement": str(agreement.id), "version": agreement.version})


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, list)) else str(value)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Members of enums as the text that the columns hold."""
    return {name: [str(one) for one in value] if isinstance(value, list) else value for name, value in values.items()}
