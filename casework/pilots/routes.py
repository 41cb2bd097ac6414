from __future__ import annotations

from fastapi import APIRouter

from casework.authz.guard import GuardedRoute
from casework.pilots import enrolment_routes, pilot_routes

router = APIRouter(route_class=GuardedRoute, tags=["pilots"])
router.include_router(pilot_routes.router)
router.include_router(enrolment_routes.router)
