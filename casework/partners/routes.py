from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import col, select

from casework.authz.caller import Caller
from casework.authz.guard import ExpectedVersion, GuardedRoute, MergePatch, OnceSession, Session, allow, etag
from casework.authz.policy import Permission
from casework.kernel.listing import newest_first
from casework.kernel.openapi import described
from casework.kernel.paging import CursorText, Limit
from casework.kernel.problems import NotFound, StaleVersion, VersionRequired
from casework.kernel.schemas import Page, RegionCode
from casework.kernel.single import single
from casework.partners import agreement_routes, errors, service
from casework.partners.models import Organization, Site
from casework.partners.schemas import (
    OrganizationCreate,
    OrganizationPatch,
    OrganizationRead,
    SiteClose,
    SiteCreate,
    SiteRead,
)

router = APIRouter(route_class=GuardedRoute, tags=["partners"])
Reader = Annotated[Caller, allow(Permission.organization_read)]
Writer = Annotated[Caller, allow(Permission.organization_write)]
VERSIONED = (NotFound, StaleVersion, VersionRequired)


@router.get("/organizations", response_model=Page[OrganizationRead], **described(Permission.organization_read))
async def list_organizations(
    request: Request,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    region: RegionCode | None = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les organismes partenaires, leurs langues et leurs services.

    The partner organizations, their languages and services.
    """
    query = select(Organization)
    if region is not None:
        query = query.where(col(Organization.region_code) == region)
    return await newest_first(request, session, Organization, query, f"organizations:{region}", limit, cursor)


@router.post("/organizations", status_code=201, response_model=OrganizationRead,
             **described(Permission.organization_write, NotFound))  # fmt: skip
async def create_organization(
    response: Response, body: OrganizationCreate, caller: Writer, session: OnceSession
) -> Organization:
    """Inscrire un organisme partenaire ; sans entente, rien ne lui est confié.

    Enter a partner organization; without an agreement nothing is entrusted to it.
    """
    organization = await service.create_organization(session, caller, body)
    response.headers["Location"] = f"/v1/organizations/{organization.id}"
    response.headers["ETag"] = etag(organization.version, caller.role)
    return organization


@router.get("/organizations/{organization_id}", response_model=OrganizationRead,
            **described(Permission.organization_read, NotFound))  # fmt: skip
async def read_organization(
    response: Response, organization_id: UUID, caller: Reader, session: Session
) -> Organization:
    """Un organisme partenaire.

    One partner organization.
    """
    organization = await service.organization_to(session, organization_id)
    response.headers["ETag"] = etag(organization.version, caller.role)
    return organization


@router.patch("/organizations/{organization_id}", response_model=OrganizationRead,
              **described(Permission.organization_write, *VERSIONED))  # fmt: skip
async def change_organization(
    response: Response,
    organization_id: UUID,
    body: OrganizationPatch,
    caller: Writer,
    _media: MergePatch,
    version: ExpectedVersion,
    session: Session,
) -> Organization:
    """Changer le nom, les langues ou les services d'un organisme ; le placement en tient compte aussitôt.

    Change the name, languages or services of an organization; placement follows at once.
    """
    organization = await service.change_organization(session, caller, organization_id, version, body)
    response.headers["ETag"] = etag(organization.version, caller.role)
    return organization


@router.get("/organizations/{organization_id}/sites", response_model=Page[SiteRead],
            **described(Permission.organization_read, NotFound))  # fmt: skip
async def list_sites(
    request: Request,
    organization_id: UUID,
    caller: Reader,  # noqa: ARG001 -- the gate
    session: Session,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> dict[str, Any]:
    """Les lieux de service d'un organisme, ouverts et fermés.

    The sites of an organization, open and closed.
    """
    await service.organization_to(session, organization_id)
    query = select(Site).where(col(Site.organization_id) == organization_id)
    return await newest_first(request, session, Site, query, f"sites:{organization_id}", limit, cursor)


@router.post("/organizations/{organization_id}/sites", status_code=201, response_model=SiteRead,
             **described(Permission.organization_write, NotFound))  # fmt: skip
async def open_site(
    response: Response, organization_id: UUID, body: SiteCreate, caller: Writer, session: OnceSession
) -> Site:
    """Ouvrir un lieu de service, avec ses langues et ses services.

    Open a site, with its languages and services.
    """
    site = await service.open_site(session, caller, organization_id, body)
    response.headers["Location"] = f"/v1/sites/{site.id}"
    response.headers["ETag"] = etag(site.version, caller.role)
    return site


@router.get("/sites/{site_id}", response_model=SiteRead, **described(Permission.organization_read, NotFound))
async def read_site(response: Response, site_id: UUID, caller: Reader, session: Session) -> Site:
    """Un lieu de service.

    One site.
    """
    site = await single(session, select(Site).where(col(Site.id) == site_id))
    response.headers["ETag"] = etag(site.version, caller.role)
    return site


@router.post("/sites/{site_id}/close", response_model=SiteRead,
             **described(Permission.organization_write, errors.SiteAlreadyClosed, errors.SiteStillLodges, *VERSIONED))  # fmt: skip
async def close_site(
    response: Response, site_id: UUID, body: SiteClose, caller: Writer, version: ExpectedVersion, session: OnceSession
) -> Site:
    """Fermer un lieu de service, à une date.

    Close a site, on a date.
    """
    site = await service.close_site(session, caller, site_id, version, body.closed_on)
    response.headers["ETag"] = etag(site.version, caller.role)
    return site


router.include_router(agreement_routes.router)
