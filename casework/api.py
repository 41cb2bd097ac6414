"""The one list of routers under /v1."""

from __future__ import annotations

from fastapi import APIRouter

import casework.audit.routes
import casework.cases.claim_routes
import casework.cases.routes
import casework.duplicates.routes
import casework.eligibility.routes
import casework.following.handover_routes
import casework.following.language_routes
import casework.following.office_routes
import casework.following.routes
import casework.household_imports.routes
import casework.households.routes
import casework.identity.routes
import casework.indicators.routes
import casework.lodging.routes
import casework.milestones.routes
import casework.notices.routes
import casework.overview.routes
import casework.partners.routes
import casework.pilots.routes
import casework.placement.routes
import casework.privacy.routes
import casework.problem_pages
import casework.protection.routes
import casework.search.routes
import casework.search.saved_routes
import casework.sponsorship.routes
import casework.territory.routes
from casework.authz.guard import GuardedRoute

router = APIRouter(prefix="/v1", route_class=GuardedRoute)
for domain in (
    casework.identity,
    casework.cases,
    casework.following,
    casework.households,
    casework.duplicates,
    casework.notices,
    casework.eligibility,
    casework.household_imports,
    casework.territory,
    casework.partners,
    casework.placement,
    casework.sponsorship,
    casework.milestones,
    casework.lodging,
    casework.overview,
    casework.search,
    casework.protection,
    casework.privacy,
    casework.pilots,
    casework.audit,
    casework.indicators,
):
    router.include_router(domain.routes.router)
router.include_router(casework.cases.claim_routes.router)
router.include_router(casework.following.handover_routes.router)
router.include_router(casework.following.language_routes.router)
router.include_router(casework.following.office_routes.router)
router.include_router(casework.search.saved_routes.router)
router.include_router(casework.problem_pages.router)
